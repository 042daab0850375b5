/*
 * Groups of four rows of an int8 fully connected layer, from the inputs to the outputs.
 *
 *   const uint32_t *tq_dense_groups_s8(const tq_dense_s8 *layer, const uint32_t *weights);
 *   const uint32_t *tq_dense_groups_per_channel_s8(const tq_dense_s8 *layer,
 *                                                  const uint32_t *weights);   (tq_dsp_dense.h)
 *
 * The outer loop takes a group per pass, the middle one a chunk of the inputs, the inner one 16
 * inputs; after the last chunk, up to three times four inputs. It is assembler because the inner
 * loop needs every register there is.
 *
 * A word of weights w holds 256 * odd + even in either half. `both` sums input * w and `even`
 * input * (even half bytes of w), so that both - even is 256 times the sum of the odd row, and its
 * shift by 7 bits to the right twice that sum. It is exact while the sum stays below 2^23: after a
 * chunk of inputs, TWICE takes over twice the odd row's sum and `both` starts again at `even`.
 *
 *   r0 input          inputs, from the layer's first for each group
 *   r1 weights        weights, through all groups
 *   r2 both01         256 * row 1 + row 0 of the chunk, on top of row 0 of the chunks before
 *   r3 even0          row 0, its bias in it
 *   r6 both23         the same of rows 3 and 2
 *   r7 even2          row 2
 *   r4, r5            inputs
 *   r8-r11            weights
 *   r12 stop          end of the chunk
 *   lr scratch
 *
 * While the sums become outputs, r4 to r6 and r8 to r11 hold what `requantize` says.
 */
  .syntax unified
  .thumb

/* tq_dense_s8 in tq_dsp_dense.h, copied to the stack; then twice the sums of rows 1 and 3. */
.equ INPUT, 0
.equ CHUNK, 4
.equ END_16, 8
.equ END, 12
.equ BIAS, 16
.equ OUTPUT, 20
.equ OUTPUT_END, 24
.equ MULTIPLIER, 28
.equ SHIFT, 32
.equ ROUNDING, 36
.equ TWICE, 40
.equ FRAME, 48

input .req r0
weights .req r1
both01 .req r2
even0 .req r3
both23 .req r6
even2 .req r7
stop .req r12
scratch .req lr

/* 16 multiply-accumulates in 15 instructions; `odd` and the inputs' register are overwritten. */
.macro four_inputs inputs, odd
  sxtb16 \odd, \inputs, ror #8
  ldmia weights!, {r8-r11}
  sxtb16 \inputs, \inputs
  smlad both01, \inputs, r8, both01
  sxtb16 r8, r8
  smlad both01, \odd, r9, both01
  sxtb16 r9, r9
  smlad both23, \inputs, r10, both23
  sxtb16 r10, r10
  smlad both23, \odd, r11, both23
  sxtb16 r11, r11
  smlad even0, \inputs, r8, even0
  smlad even2, \inputs, r10, even2
  smlad even0, \odd, r9, even0
  smlad even2, \odd, r11, even2
.endm

/* Puts twice the sums of rows 1 and 3 into r8 and r9; their biases in TWICE were doubled before. */
.macro odd_rows
  ldrd r8, r9, [sp, #TWICE]
  sub both01, both01, even0
  sub both23, both23, even2
  add r8, r8, both01, asr #7
  add r9, r9, both23, asr #7
.endm

/*
 * Twice a sum becomes an output. SMMLAR multiplies with 32 fractional bits where the multiplier has
 * 31, which is why sums are doubled; it rounds the product to nearest and adds what the shift is to
 * be rounded with: half of the last place and the zero point, less 1 for a negative sum, so that
 * ties go away from zero. The sum's sign stands in for the scaled sum's, which a rounded 0 hides.
 * The last bit of the shift is SSAT's: half of the last place is then 1 << r10, which needs no
 * further shift to make from r10.
 * r4: multiplier, r5: rounding, r10: right shift less one, r11: output.
 */
.macro requantize twice
  add scratch, r5, \twice, asr #31
  smmlar \twice, \twice, r4, scratch
  asr \twice, \twice, r10
  ssat \twice, #8, \twice, asr #1
  strb \twice, [r11], #1
.endm

/* The same with the next row's factor; r2: multipliers, r6: right shifts. */
.macro requantize_row twice
  ldr r4, [r2], #4
  ldrb r10, [r6], #1
  lsl scratch, r5, r10
  add scratch, scratch, \twice, asr #31
  smmlar \twice, \twice, r4, scratch
  asr \twice, \twice, r10
  ssat \twice, #8, \twice, asr #1
  strb \twice, [r11], #1
.endm

/* const uint32_t *name(const tq_dense_s8 *layer, const uint32_t *weights) */
.macro dense_groups name, per_channel
  .section .text.\name, "ax", %progbits
  .global \name
  .type \name, %function
  .thumb_func
\name:
  push {r4-r11, lr}
  sub sp, #FRAME
  mov r12, sp
  ldmia r0!, {r2-r6}
  stmia r12!, {r2-r6}
  ldmia r0, {r2-r6}
  stmia r12, {r2-r6}
.Lgroup\@:
  ldr r8, [sp, #BIAS]
  ldmia r8!, {even0, r4, even2, r9}
  str r8, [sp, #BIAS]
  strd r4, r9, [sp, #TWICE]
  ldr input, [sp, #INPUT]
.Lchunk\@:
  ldrd r4, r5, [sp, #CHUNK]
  add stop, input, r4
  cmp stop, r5
  it hi
  movhi stop, r5
  mov both01, even0
  mov both23, even2
  cmp input, stop
  beq .Lend_of_chunk\@
.Lsixteen_inputs\@:
  ldmia input!, {r4, r5}
  four_inputs r4, scratch
  four_inputs r5, r4
  ldmia input!, {r4, r5}
  four_inputs r4, scratch
  four_inputs r5, r4
  cmp input, stop
  bne .Lsixteen_inputs\@
.Lend_of_chunk\@:
  ldrd r4, stop, [sp, #END_16]
  cmp input, r4
  bne .Lnext_chunk\@
  cmp input, stop
  beq .Lend_of_inputs\@
.Lfour_inputs\@:
  ldr r4, [input], #4
  four_inputs r4, r5
  cmp input, stop
  bne .Lfour_inputs\@
.Lend_of_inputs\@:
  odd_rows
  lsl even0, even0, #1
  lsl even2, even2, #1
  ldr r11, [sp, #OUTPUT]
  ldr r5, [sp, #ROUNDING]
.if \per_channel
  ldrd r2, r6, [sp, #MULTIPLIER]
  requantize_row even0
  requantize_row r8
  requantize_row even2
  requantize_row r9
  strd r2, r6, [sp, #MULTIPLIER]
.else
  ldrd r4, r10, [sp, #MULTIPLIER]
  requantize even0
  requantize r8
  requantize even2
  requantize r9
.endif
  str r11, [sp, #OUTPUT]
  ldr r4, [sp, #OUTPUT_END]
  cmp r11, r4
  bne .Lgroup\@
  mov r0, weights
  add sp, #FRAME
  pop {r4-r11, pc}
.Lnext_chunk\@:
  odd_rows
  strd r8, r9, [sp, #TWICE]
  b .Lchunk\@
  .size \name, . - \name
.endm

  dense_groups tq_dense_groups_s8, 0
  dense_groups tq_dense_groups_per_channel_s8, 1
