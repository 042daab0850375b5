/*
 * Sums of products over runs of contiguous inputs, one after the other, in the order of the inputs:
 * the inner loops of FULLY_CONNECTED (one run) and CONV_2D (a run per filter row) on float32.
 *
 *   void tq_sum_runs_of_group_f32(const tq_runs_f32 *runs, const float *input,
 *                                 const float *weights, float sums[4]);   (tq_dsp_runs_f32.h)
 *   float tq_sum_runs_of_row_f32(const tq_runs_f32 *runs, const float *input,
 *                                const float *weights);
 *
 * The outer loop takes a run per pass. The inner ones take 16 inputs per pass by four interleaved
 * rows of weights, then four, then one; of a single row six, then one.
 *
 * Assembler for VLDM of many registers, and because the order of the sums is part of the result.
 * Products and sums are rounded one by one, as the multiplication and addition that a compiler
 * generates: by VMUL and VADD, which take two cycles where sums of several rows lie between a
 * product and its sum, else by VMLA, which takes three. VFMA would round once and give other bits.
 *
 *   r0      inputs left in the run, less those of a pass
 *   r1      inputs
 *   r2      weights
 *   r3      where the sums go (group)
 *   r4      runs left                           r4-r7 are the tq_runs_f32
 *   r5      inputs per run
 *   r6      bytes from the end of a run of inputs to the next one
 *   r7      the same for the weights
 *   s0-s3   sums; s0 alone for a row
 *   s4-s7   inputs (group), s8-s23 their weights in the four rows, then products
 *   s4-s9   inputs (row), s10-s15 their weights
 */
#ifdef __ARM_FP /* else sums_f32.c */
  .syntax unified
  .thumb

/* The products of one input with four rows. */
.macro one_input input, row0, row1, row2, row3
  vmul.f32 \row0, \input, \row0
  vmul.f32 \row1, \input, \row1
  vmul.f32 \row2, \input, \row2
  vmul.f32 \row3, \input, \row3
  vadd.f32 s0, s0, \row0
  vadd.f32 s1, s1, \row1
  vadd.f32 s2, s2, \row2
  vadd.f32 s3, s3, \row3
.endm

/* 16 multiply-accumulates in 34 instructions and 54 cycles. */
.macro four_inputs
  vldmia r1!, {s4-s7}
  vldmia r2!, {s8-s23}
  one_input s4, s8, s9, s10, s11
  one_input s5, s12, s13, s14, s15
  one_input s6, s16, s17, s18, s19
  one_input s7, s20, s21, s22, s23
.endm

  .section .text.tq_sum_runs_of_group_f32, "ax", %progbits
  .global tq_sum_runs_of_group_f32
  .type tq_sum_runs_of_group_f32, %function
  .thumb_func
tq_sum_runs_of_group_f32:
  push {r4-r7}
  vpush {s16-s23}
  ldmia r0, {r4-r7}
  adr r0, zeros
  vldmia r0, {s0-s3}
.Lgroup_run:
  subs r0, r5, #16
  blt .Lgroup_below_16
.Lgroup_16:
  four_inputs
  four_inputs
  four_inputs
  four_inputs
  subs r0, #16
  bge .Lgroup_16
.Lgroup_below_16:
  adds r0, #12
  blt .Lgroup_below_4
.Lgroup_4:
  four_inputs
  subs r0, #4
  bge .Lgroup_4
.Lgroup_below_4:
  adds r0, #4
  beq .Lgroup_next
.Lgroup_1:
  vldmia r1!, {s4}
  vldmia r2!, {s8-s11}
  one_input s4, s8, s9, s10, s11
  subs r0, #1
  bne .Lgroup_1
.Lgroup_next:
  add r1, r6
  add r2, r7
  subs r4, #1
  bne .Lgroup_run
  vstmia r3, {s0-s3}
  vpop {s16-s23}
  pop {r4-r7}
  bx lr
  .balign 4
zeros:
  .word 0, 0, 0, 0
  .size tq_sum_runs_of_group_f32, . - tq_sum_runs_of_group_f32

  .section .text.tq_sum_runs_of_row_f32, "ax", %progbits
  .global tq_sum_runs_of_row_f32
  .type tq_sum_runs_of_row_f32, %function
  .thumb_func
tq_sum_runs_of_row_f32:
  push {r4-r7}
  ldmia r0, {r4-r7}
  movs r0, #0
  vmov s0, r0
.Lrow_run:
  subs r0, r5, #6
  blt .Lrow_below_6
.Lrow_6:
  vldmia r1!, {s4-s9}
  vldmia r2!, {s10-s15}
  vmla.f32 s0, s4, s10
  vmla.f32 s0, s5, s11
  vmla.f32 s0, s6, s12
  vmla.f32 s0, s7, s13
  vmla.f32 s0, s8, s14
  vmla.f32 s0, s9, s15
  subs r0, #6
  bge .Lrow_6
.Lrow_below_6:
  adds r0, #6
  beq .Lrow_next
.Lrow_1:
  vldmia r1!, {s4}
  vldmia r2!, {s8}
  vmla.f32 s0, s4, s8
  subs r0, #1
  bne .Lrow_1
.Lrow_next:
  add r1, r6
  add r2, r7
  subs r4, #1
  bne .Lrow_run
  pop {r4-r7}
  bx lr
  .size tq_sum_runs_of_row_f32, . - tq_sum_runs_of_row_f32
#endif
