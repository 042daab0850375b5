/*
 * Groups of four rows of an int16 fully connected layer.
 *
 *   const uint32_t *tq_dense_groups_s16(const tq_dense_s16 *layer, const uint32_t *weights);
 *   const uint32_t *tq_dense_groups_per_channel_s16(const tq_dense_s16 *layer,
 *                                                   const uint32_t *weights);
 *   const uint32_t *tq_dense_add_group_s16(const tq_dense_s16 *layer, const uint32_t *weights,
 *                                          int64_t sums[4]);   (tq_dsp_dense.h)
 *
 * The outer loop takes a group per pass, the inner one 16 inputs; after the last of those, up to
 * three times four. The last function adds one group's sums to those of the inputs before; the
 * caller scales them. It is assembler because the inner loop needs every register there is.
 *
 * A word of weights w holds 256 * odd + even in either half. `low`:`high` sum input * w in 64 bits
 * and `even` input * (even half bytes of w) in 32, so that their difference is 256 times the sum
 * of the odd row.
 *
 *   r0 input                  inputs, from the layer's first for each group
 *   r1 weights                weights, through all groups
 *   r2:r3 low01, high01       256 * row 1 + row 0
 *   r6:r7 low23, high23       256 * row 3 + row 2
 *   r12 even0, lr even2       rows 0 and 2
 *   r4, r5                    inputs
 *   r8-r11                    weights; END_16 and END (r8); biased sums
 *
 * While the sums become outputs, r2 to r5 and r7 hold what `requantize` says.
 */
  .syntax unified
  .thumb

/* tq_dense_s16 in tq_dsp_dense.h, copied to the stack. */
.equ INPUT, 0
.equ END_16, 4
.equ END, 8
.equ BIAS, 12
.equ OUTPUT, 16
.equ OUTPUT_END, 20
.equ MULTIPLIER, 24
.equ NEGATIVE, 28
.equ FRAME, 32

input .req r0
weights .req r1
low01 .req r2
high01 .req r3
low23 .req r6
high23 .req r7
even0 .req r12
even2 .req lr

/* 16 multiply-accumulates in 14 instructions. */
.macro four_inputs
  ldmia input!, {r4, r5}
  ldmia weights!, {r8-r11}
  smlald low01, high01, r4, r8
  sxtb16 r8, r8
  smlald low23, high23, r4, r9
  sxtb16 r9, r9
  smlad even0, r4, r8, even0
  smlad even2, r4, r9, even2
  smlald low01, high01, r5, r10
  sxtb16 r10, r10
  smlald low23, high23, r5, r11
  sxtb16 r11, r11
  smlad even0, r5, r10, even0
  smlad even2, r5, r11, even2
.endm

/* Sums up to the END of the inputs; clears first. */
.macro sum_inputs
  movs low01, #0
  movs high01, #0
  movs low23, #0
  movs high23, #0
  mov even0, #0
  mov even2, #0
  b .Lsixteen_inputs_left\@
.Lsixteen_inputs\@:
  four_inputs
  four_inputs
  four_inputs
  four_inputs
.Lsixteen_inputs_left\@:
  ldr r8, [sp, #END_16]
  cmp input, r8
  bne .Lsixteen_inputs\@
  b .Lfour_inputs_left\@
.Lfour_inputs\@:
  four_inputs
.Lfour_inputs_left\@:
  ldr r8, [sp, #END]
  cmp input, r8
  bne .Lfour_inputs\@
.endm

/* low = (high:low - even) / 256 */
.macro odd_row low, high, even
  subs \low, \low, \even
  sbc \high, \high, \even, asr #31
  lsr \low, \low, #8
  orr \low, \low, \high, lsl #24
.endm

/*
 * A sum becomes an output: times the multiplier, with 32 fractional bits, rounded to nearest, ties
 * upward (SMMULR). There is no shift: the lowering takes this kernel only where the multiplier's
 * 32 bits hold the factor.
 * r2: output; r3: scratch; r4: multiplier, or where to find the next one; r5: the bits to clear in
 * a negative output; r7: the row's multiplier.
 */
.macro requantize sum, per_channel
.if \per_channel
  ldr r7, [r4], #4
  smmulr \sum, \sum, r7
.else
  smmulr \sum, \sum, r4
.endif
  ssat \sum, #16, \sum
  and r3, r5, \sum, asr #31
  bic \sum, \sum, r3
  strh \sum, [r2], #2
.endm

/* const uint32_t *name(const tq_dense_s16 *layer, const uint32_t *weights) */
.macro dense_groups name, per_channel
  .section .text.\name, "ax", %progbits
  .global \name
  .type \name, %function
  .thumb_func
\name:
  push {r4-r11, lr}
  sub sp, #FRAME
  ldmia r0, {r4-r11}
  stmia sp, {r4-r11}
.Lgroup\@:
  ldr input, [sp, #INPUT]
  sum_inputs
  odd_row low01, high01, even0
  odd_row low23, high23, even2
  ldr r4, [sp, #BIAS]
  ldmia r4!, {r8-r11}
  str r4, [sp, #BIAS]
  add r8, r8, even0
  add r9, r9, low01
  add r10, r10, even2
  add r11, r11, low23
  ldrd r4, r5, [sp, #MULTIPLIER]
  ldr r2, [sp, #OUTPUT]
  requantize r8, \per_channel
  requantize r9, \per_channel
  requantize r10, \per_channel
  requantize r11, \per_channel
.if \per_channel
  str r4, [sp, #MULTIPLIER]
.endif
  str r2, [sp, #OUTPUT]
  ldr r4, [sp, #OUTPUT_END]
  cmp r2, r4
  bne .Lgroup\@
  mov r0, weights
  add sp, #FRAME
  pop {r4-r11, pc}
  .size \name, . - \name
.endm

  dense_groups tq_dense_groups_s16, 0
  dense_groups tq_dense_groups_per_channel_s16, 1

/* The stack: INPUT, END_16 and END of the layer, then `sums`. */
  .section .text.tq_dense_add_group_s16, "ax", %progbits
  .global tq_dense_add_group_s16
  .type tq_dense_add_group_s16, %function
  .thumb_func
tq_dense_add_group_s16:
  push {r2, r4-r11, lr}
  sub sp, #12
  ldmia r0, {r3-r5}
  stmia sp, {r3-r5}
  mov input, r3
  sum_inputs
  ldr r0, [sp, #12]
  subs low01, low01, even0
  sbc high01, high01, even0, asr #31
  subs low23, low23, even2
  sbc high23, high23, even2, asr #31
  lsr low01, low01, #8
  orr low01, low01, high01, lsl #24
  asr high01, high01, #8
  lsr low23, low23, #8
  orr low23, low23, high23, lsl #24
  asr high23, high23, #8
  ldmia r0, {r4, r5, r8, r9}
  adds r4, r4, even0
  adc r5, r5, even0, asr #31
  adds r8, r8, low01
  adc r9, r9, high01
  stmia r0!, {r4, r5, r8, r9}
  ldmia r0, {r4, r5, r8, r9}
  adds r4, r4, even2
  adc r5, r5, even2, asr #31
  adds r8, r8, low23
  adc r9, r9, high23
  stmia r0!, {r4, r5, r8, r9}
  mov r0, weights
  add sp, #16
  pop {r4-r11, pc}
  .size tq_dense_add_group_s16, . - tq_dense_add_group_s16
