/*
 * Gathers the window of one pixel as pairs of int16, every third word: what convolve.S reads.
 *
 *   void tq_gather_rows_*(int16_t *to, const void *line, int32_t y, const tq_gather_rows *rows);
 *       Filter rows whose input lies at a word and is a number of words long.
 *   void tq_gather_positions_*(int16_t *to, const void *origin, const int32_t *offsets,
 *                              int32_t steps);
 *       Four positions per step, each at its own offset from the window's origin.
 *                                                                      (both: tq_dsp_conv.h)
 *
 * tq_gather_rows_* takes a filter row per pass: words of zero points for what lies left of the
 * input, words of input (four per pass, then one), and zero points again; a row above or below the
 * input is zero points only. tq_gather_positions_* takes a step per pass.
 *
 * Assembler for loads and stores of several words, and for SXTB16: of four int8 it makes two pairs
 * in two instructions, bytes 0 and 2, then 1 and 3. The weights are laid out in that order.
 */
  .syntax unified
  .thumb

.equ NEXT, 12 /* bytes from one pair of a pixel to the next */

/* tq_gather_rows, where it is. */
.equ HEIGHT, 0
.equ COUNT, 4
.equ ZERO, 8
.equ BEFORE, 12
.equ INSIDE, 16
.equ AFTER, 20
.equ SKIP, 24
.equ DOWN, 28

/*
 * One word of input becomes two pairs of int8, or one of int16, at the word numbered `place` from
 * r0 on; r8 is free.
 */
.macro put_s8 value, place
  sxtb16 r8, \value
  sxtb16 \value, \value, ror #8
  str r8, [r0, #2 * NEXT * \place]
  str \value, [r0, #2 * NEXT * \place + NEXT]
.endm

.macro put_s16 value, place
  str \value, [r0, #NEXT * \place]
.endm

/*
 *   r0      where the next pair goes
 *   r1      input
 *   r2      its row; as an unsigned number it is too large above the input as well as below
 *   r3      the tq_gather_rows
 *   r4-r7   words of input; how many words are not there
 *   r8      scratch
 *   r9      words of input left in the row
 *   r10     filter rows left
 *   r11     a pair of zero points
 */
.macro gather_rows name, put, pairs
  .section .text.\name, "ax", %progbits
  .balign 32
  .global \name
  .type \name, %function
  .thumb_func
\name:
  push {r4-r11}
  ldrd r10, r11, [r3, #COUNT]
.Lrow_\name:
  ldr r4, [r3, #HEIGHT]
  cmp r2, r4
  bhs .Lno_input_\name
  ldr r4, [r3, #BEFORE]
  cbz r4, .Linside_\name
  fill r4, \pairs
.Linside_\name:
  ldr r9, [r3, #INSIDE]
  subs r9, #4
  blt .Lbelow_four_words_\name
.Lfour_words_\name:
  ldmia r1!, {r4, r5, r6, r7}
  \put r4, 0
  \put r5, 1
  \put r6, 2
  \put r7, 3
  adds r0, #4 * \pairs * NEXT
  subs r9, #4
  bge .Lfour_words_\name
.Lbelow_four_words_\name:
  adds r9, #4
  beq .Lafter_\name
.Lword_\name:
  ldmia r1!, {r4}
  \put r4, 0
  adds r0, #\pairs * NEXT
  subs r9, #1
  bne .Lword_\name
.Lafter_\name:
  ldr r4, [r3, #AFTER]
  cbz r4, .Lnext_row_\name
  b .Lfill_\name
.Lno_input_\name:
  ldrd r4, r5, [r3, #BEFORE]
  ldr r6, [r3, #AFTER]
  add r1, r1, r5, lsl #2
  add r4, r5
  add r4, r6
.Lfill_\name:
  fill r4, \pairs
.Lnext_row_\name:
  ldrd r4, r5, [r3, #SKIP]
  add r1, r4
  add r2, r5
  subs r10, #1
  bne .Lrow_\name
  pop {r4-r11}
  bx lr
  .size \name, . - \name
.endm

/* As many words of zero points as the register `words` says. */
.macro fill words, pairs
.Lfill\@:
  .rept \pairs
  str r11, [r0], #NEXT
  .endr
  subs \words, #1
  bne .Lfill\@
.endm

/*
 *   r0     where the next pair goes
 *   r1     the window's origin in the input
 *   r2     offsets
 *   r3     steps left
 *   r4-r7  offsets, then positions
 */
.macro gather_positions name, load
  .section .text.\name, "ax", %progbits
  .balign 32
  .global \name
  .type \name, %function
  .thumb_func
\name:
  push {r4-r7}
.Lstep_\name:
  ldmia r2!, {r4, r5, r6, r7}
  \load r4, [r1, r4]
  \load r5, [r1, r5]
  \load r6, [r1, r6]
  \load r7, [r1, r7]
  pkhbt r4, r4, r5, lsl #16
  pkhbt r6, r6, r7, lsl #16
  str r4, [r0], #NEXT
  str r6, [r0], #NEXT
  subs r3, #1
  bne .Lstep_\name
  pop {r4-r7}
  bx lr
  .size \name, . - \name
.endm

  gather_rows tq_gather_rows_s8, put_s8, 2
  gather_rows tq_gather_rows_s16, put_s16, 1
  gather_positions tq_gather_positions_s8, ldrsb
  gather_positions tq_gather_positions_s16, ldrsh
