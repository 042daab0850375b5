/*
 * A row of output of a 3 x 3 depthwise convolution on int8, for some channels one after the other.
 *
 *   void tq_depthwise_row_1_s8(const tq_depthwise_row *row);   stride 1 along the row
 *   void tq_depthwise_row_2_s8(const tq_depthwise_row *row);   stride 2 (tq_dsp_depthwise_rows.h)
 *
 * Inputs are halfwords, one channel after the other, so that a word holds two neighbours and a
 * SMLAD serves two positions of the filter. Of three words of a row, p0 p1 | p2 p3 | p4 p5, and the
 * weights w0 w1 | w1 w2, the four outputs of stride 1 are
 *
 *   p0 w0 + p1 w1, p2 w2      SMLAD by w0 w1, SMLABT by w1 w2
 *   p1 w0, p2 w1 + p3 w2      SMLATB by w0 w1, SMLAD by w1 w2
 *
 * and the same from p2 on; the two outputs of stride 2 are the first and the third of them. The
 * outer loop takes a channel per pass; the inner one four outputs of stride 1 or two of stride 2.
 * Of stride 1, one or two that are left take half a pass.
 *
 * Assembler for the registers, and for SMLAxy on halves of a word.
 *
 *   r0         weights and factors of the channel
 *   r1-r3      inputs under the filter's rows
 *   r4-r7      sums, then outputs
 *   r8-r10     inputs
 *   r11, r12   weights of a row
 *   lr         where the next output goes
 *
 * and while sums become outputs: r8-r11 bias, multiplier, what to round with, right shift.
 */
  .syntax unified
  .thumb

/* tq_depthwise_row on the stack, and the outputs left in the channel. */
.equ ROWS, 0
.equ TABLE, 12
.equ OUTPUT, 16
.equ CHANNELS, 20
.equ PLANE, 24
.equ COUNT, 28
.equ PIXEL, 32
.equ LEFT, 36
.equ FRAME, 40
.equ STRUCT, 36

/* A channel's table: two words of weights for each row, then the factors. */
.equ FACTORS, 24
.equ CHANNEL, 40

/* The first row of a sum has nothing to add to. */
.macro sum_pair first, sum, a, b
.if \first
  smuad \sum, \a, \b
.else
  smlad \sum, \a, \b, \sum
.endif
.endm

.macro sum_top first, sum, a, b
.if \first
  smultb \sum, \a, \b
.else
  smlatb \sum, \a, \b, \sum
.endif
.endm

.macro four_of_row inputs, row, first
  ldr r8, [\inputs], #4
  ldr r9, [\inputs], #4
  ldr r10, [\inputs]
  ldrd r11, r12, [r0, #8 * \row]
  sum_pair \first, r4, r8, r11
  sum_top \first, r5, r8, r11
  sum_pair \first, r6, r9, r11
  sum_top \first, r7, r9, r11
  smlabt r4, r9, r12, r4
  smlad r5, r9, r12, r5
  smlabt r6, r10, r12, r6
  smlad r7, r10, r12, r7
.endm

.macro two_of_row inputs, row, first
  ldrd r8, r9, [\inputs]
  ldrd r11, r12, [r0, #8 * \row]
  sum_pair \first, r4, r8, r11
  sum_top \first, r5, r8, r11
  smlabt r4, r9, r12, r4
  smlad r5, r9, r12, r5
.endm

.macro two_of_row_stride_2 inputs, row, first
  ldr r8, [\inputs], #4
  ldr r9, [\inputs], #4
  ldr r10, [\inputs]
  ldrd r11, r12, [r0, #8 * \row]
  sum_pair \first, r4, r8, r11
  sum_pair \first, r5, r9, r11
  smlabt r4, r9, r12, r4
  smlabt r5, r10, r12, r5
.endm

/* As in depthwise.S. */
.macro output value
  add \value, r8, \value, lsl #1
  add r12, r10, \value, asr #31
  smmlar \value, \value, r9, r12
  asr \value, r11
  ssat \value, #8, \value
.endm

.macro factors
  ldrd r8, r9, [r0, #FACTORS]
  ldrd r10, r11, [r0, #FACTORS + 8]
.endm

.macro enter
  push {r4-r11, lr}
  sub sp, #FRAME
  mov r12, r0
  mov lr, sp
  ldmia r12!, {r1-r3, r4-r8}
  stmia lr!, {r1-r3, r4-r8}
  ldr r9, [r12]
  str r9, [lr]
  mov r0, r4
  mov lr, r5
.endm

/* Go on with the next channel, or return. */
.macro next_channel again
  ldrd r8, r9, [sp, #CHANNELS]
  subs r8, #1
  beq .Ldone\@
  str r8, [sp, #CHANNELS]
  add r0, #CHANNEL
  ldrd r1, r2, [sp, #ROWS]
  ldr r3, [sp, #ROWS + 8]
  add r1, r9
  add r2, r9
  add r3, r9
  strd r1, r2, [sp, #ROWS]
  str r3, [sp, #ROWS + 8]
  ldr lr, [sp, #OUTPUT]
  add lr, #1
  str lr, [sp, #OUTPUT]
  b \again
.Ldone\@:
  add sp, #FRAME
  pop {r4-r11, pc}
.endm

  .section .text.tq_depthwise_row_1_s8, "ax", %progbits
  .global tq_depthwise_row_1_s8
  .type tq_depthwise_row_1_s8, %function
  .thumb_func
tq_depthwise_row_1_s8:
  enter
.Lchannel_1:
  ldr r9, [sp, #COUNT]
  str r9, [sp, #LEFT]
  cmp r9, #2
  ble .Ltwo
.Lfour:
  four_of_row r1, 0, 1
  four_of_row r2, 1, 0
  four_of_row r3, 2, 0
  factors
  output r4
  output r5
  output r6
  output r7
  ldrd r8, r9, [sp, #PIXEL]
  subs r9, #4
  strb r4, [lr]
  strb r5, [lr, r8]
  add lr, lr, r8, lsl #1
  strb r6, [lr]
  blt .Lnext_1
  strb r7, [lr, r8]
  beq .Lnext_1
  str r9, [sp, #LEFT]
  add lr, lr, r8, lsl #1
  cmp r9, #2
  bgt .Lfour
.Ltwo:
  two_of_row r1, 0, 1
  two_of_row r2, 1, 0
  two_of_row r3, 2, 0
  factors
  output r4
  output r5
  ldrd r8, r9, [sp, #PIXEL]
  strb r4, [lr]
  cmp r9, #2
  it eq
  strbeq r5, [lr, r8]
.Lnext_1:
  next_channel .Lchannel_1
  .size tq_depthwise_row_1_s8, . - tq_depthwise_row_1_s8

  .section .text.tq_depthwise_row_2_s8, "ax", %progbits
  .global tq_depthwise_row_2_s8
  .type tq_depthwise_row_2_s8, %function
  .thumb_func
tq_depthwise_row_2_s8:
  enter
.Lchannel_2:
  ldr r9, [sp, #COUNT]
  str r9, [sp, #LEFT]
.Ltwo_2:
  two_of_row_stride_2 r1, 0, 1
  two_of_row_stride_2 r2, 1, 0
  two_of_row_stride_2 r3, 2, 0
  factors
  output r4
  output r5
  ldrd r8, r9, [sp, #PIXEL]
  subs r9, #2
  strb r4, [lr]
  blt .Lnext_2
  strb r5, [lr, r8]
  str r9, [sp, #LEFT]
  add lr, lr, r8, lsl #1
  bgt .Ltwo_2
.Lnext_2:
  next_channel .Lchannel_2
  .size tq_depthwise_row_2_s8, . - tq_depthwise_row_2_s8
