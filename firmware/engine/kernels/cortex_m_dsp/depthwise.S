/*
 * One pixel by all channels, four at a time: the inner loops of the depthwise convolutions.
 *
 *   void tq_depthwise_s8(const tq_depthwise_block *block);   (depthwise_conv_2d.c)
 *   void tq_depthwise_s16(const tq_depthwise_block *block);
 *
 * The outer loop takes four channels per pass. It clears four sums, runs over the positions of the
 * window, scales the sums and stores four outputs. The inner loop takes UNROLLED pairs of
 * positions per pass: of a pair it loads four channels each and packs them to one word of two
 * halfwords per channel, which is how the weights are laid out already, so that one SMLAD serves
 * both positions. A number of pairs that is no multiple of UNROLLED enters the first pass in its
 * middle.
 *
 * Assembler for the registers, and because a compiler does not pack halfwords across two loads.
 *
 *   r0              weights, through all channels
 *   r1              where the addresses of the next pair's positions are
 *   r2              bytes from a position's first channel to the four that are computed
 *   r3-r7, r12, lr  inputs and weights
 *   r8-r11          sums of the four channels
 *
 * and while the sums become outputs:
 *
 *   r1              factors of the next channel
 *   r3-r6           bias, multiplier, right shift, what to round with
 *   r7              where the next output goes
 */
  .syntax unified
  .thumb

/*
 * The stack: some of tq_depthwise_block, where the first pass enters, and the passes left of the
 * inner loop. OPTION is, for int16, whether negative outputs become 0.
 */
.equ TAPS, 0
.equ ENTRY, 4
.equ LOOPS, 8
.equ LEFT, 12
.equ CHANNELS, 16
.equ OUTPUT, 20
.equ END, 24
.equ OPTION, 28
.equ FRAME, 36

.equ UNROLLED, 5 /* pairs per pass, as in depthwise_conv_2d.c */

/*
 * Channels a, b, c, d of both positions, four bytes each: a and c are bytes 0 and 2 once the halves
 * are packed, b and d bytes 1 and 3. The pair's size in bytes is what `enter` counts with.
 */
.equ PAIR_S8, 66
.macro pair_s8
  ldrd r3, r4, [r1], #8
  ldr r3, [r3, r2]
  ldr r4, [r4, r2]
  pkhbt lr, r3, r4, lsl #16
  pkhtb r4, r4, r3, asr #16
  ldmia r0!, {r5, r6}
  sxtb16 r3, lr
  sxtb16 r7, r5
  smlad r8, r3, r7, r8
  sxtb16 r3, lr, ror #8
  sxtb16 r7, r5, ror #8
  smlad r9, r3, r7, r9
  sxtb16 r3, r4
  sxtb16 r7, r6
  smlad r10, r3, r7, r10
  sxtb16 r3, r4, ror #8
  sxtb16 r7, r6, ror #8
  smlad r11, r3, r7, r11
.endm

/* The same of halfwords: the inputs need no SXTB16, only the weights do. */
.equ PAIR_S16, 66
.macro pair_s16
  ldrd r3, r4, [r1], #8
  add r3, r2
  add r4, r2
  ldrd r5, r7, [r3]
  ldrd r6, r12, [r4]
  pkhbt r3, r5, r6, lsl #16
  pkhtb r6, r6, r5, asr #16
  pkhbt r4, r7, r12, lsl #16
  pkhtb r12, r12, r7, asr #16
  ldmia r0!, {r5, r7}
  sxtb16 lr, r5
  smlad r8, r3, lr, r8
  sxtb16 lr, r5, ror #8
  smlad r9, r6, lr, r9
  sxtb16 lr, r7
  smlad r10, r4, lr, r10
  sxtb16 lr, r7, ror #8
  smlad r11, r12, lr, r11
.endm

/* The sums of four channels. */
.macro sums name, pair, size
  ldrd r1, r3, [sp, #TAPS]
  ldr r4, [sp, #LOOPS]
  str r4, [sp, #LEFT]
  mov r8, #0
  mov r9, #0
  mov r10, #0
  mov r11, #0
  bx r3
  .balign 4
.Lfirst_pair_\name:
  .rept UNROLLED
  \pair
  .endr
.if (. - .Lfirst_pair_\name) != UNROLLED * \size
  .error "the size of a pair is wrong"
.endif
  ldr r3, [sp, #LEFT]
  subs r3, #1
  str r3, [sp, #LEFT]
  bne .Lfirst_pair_\name
.endm

/*
 * Lays out the stack; r0 is the block at first.
 *   ENTRY = first pair + skipped * size, with bit 0 for Thumb.
 */
.macro enter name, size
  push {r4-r11, lr}
  sub sp, #FRAME
  ldmia r0, {r1-r8}
  mov r0, r8
  adr r9, .Lfirst_pair_\name
  mov r10, #\size
  mla r2, r2, r10, r9
  orr r2, #1
  str r3, [sp, #LOOPS]
  strd r1, r2, [sp, #TAPS]
  add r1, sp, #CHANNELS
  stmia r1, {r4-r7}
  movs r2, #0
.endm

.macro leave
  add sp, #FRAME
  pop {r4-r11, pc}
.endm

/*
 * Twice a biased sum becomes an output: as in convolve.S, with what to round with from the table,
 * zero point << right shift + half of 1 << right shift.
 */
.macro output_s8 value
  ldmia r1!, {r3, r4, r5, r6}
  add \value, r3, \value, lsl #1
  add r6, r6, \value, asr #31
  smmlar \value, \value, r4, r6
  asr \value, r5
  ssat \value, #8, \value
  strb \value, [r7], #1
.endm

/* A sum becomes an output, before it is limited: as in convolve.S. */
.macro output_s16 value
  ldmia r1!, {r3, r4, r5, r6}
  add \value, r3
  smmla \value, \value, r4, r6
  asr \value, r5
.endm

  .section .text.tq_depthwise_s8, "ax", %progbits
  .balign 4
  .global tq_depthwise_s8
  .type tq_depthwise_s8, %function
  .thumb_func
tq_depthwise_s8:
  enter s8, PAIR_S8
.Lfour_channels_s8:
  sums s8, pair_s8, PAIR_S8
  ldrd r1, r7, [sp, #CHANNELS]
  output_s8 r8
  output_s8 r9
  output_s8 r10
  output_s8 r11
  strd r1, r7, [sp, #CHANNELS]
  adds r2, #4
  ldr r3, [sp, #END]
  cmp r2, r3
  bne .Lfour_channels_s8
  leave
  .size tq_depthwise_s8, . - tq_depthwise_s8

  .section .text.tq_depthwise_s16, "ax", %progbits
  .balign 4
  .global tq_depthwise_s16
  .type tq_depthwise_s16, %function
  .thumb_func
tq_depthwise_s16:
  enter s16, PAIR_S16
.Lfour_channels_s16:
  sums s16, pair_s16, PAIR_S16
  ldrd r1, r7, [sp, #CHANNELS]
  output_s16 r8
  output_s16 r9
  output_s16 r10
  output_s16 r11
  ldr r3, [sp, #OPTION]
  cbnz r3, .Lno_negative_s16
  .irp value, r8, r9, r10, r11
  ssat \value, #16, \value
  .endr
  b .Lstore_s16
.Lno_negative_s16:
  .irp value, r8, r9, r10, r11
  usat \value, #15, \value
  .endr
.Lstore_s16:
  .irp value, r8, r9, r10, r11
  strh \value, [r7], #2
  .endr
  strd r1, r7, [sp, #CHANNELS]
  adds r2, #8
  ldr r3, [sp, #END]
  cmp r2, r3
  bne .Lfour_channels_s16
  leave
  .size tq_depthwise_s16, . - tq_depthwise_s16
