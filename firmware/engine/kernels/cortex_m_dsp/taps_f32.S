/*
 * Sums of products over the taps of a depthwise filter, eight channels at a time, in the order of
 * the taps: the inner loop of DEPTHWISE_CONV_2D on float32.
 *
 *   void tq_sum_taps_f32(const tq_taps_f32 *taps, const float *input, const float *weights,
 *                        float sums[8]);   (tq_dsp_taps_f32.h)
 *
 * The outer loop takes a row of taps per pass, the inner one a tap: eight inputs by eight weights.
 *
 * Assembler for VLDM of eight registers. VMUL and VADD round the product and the sum, as the
 * multiplication and addition that a compiler generates, in two cycles; VMLA gives the same bits and
 * takes three. VFMA would round once and give others.
 *
 *   r0       taps left in the row
 *   r1       inputs
 *   r2       weights
 *   r3       where the sums go
 *   r4       rows left                                    r4-r9 are the tq_taps_f32
 *   r5       taps per row
 *   r6       bytes from one tap's inputs to the next one's
 *   r7       bytes from behind a row's last tap to the next row
 *   r8, r9   the same for the weights
 *   s0-s7    sums
 *   s8-s15   inputs
 *   s16-s23  weights, then products
 */
#ifdef __ARM_FP /* else sums_f32.c */
  .syntax unified
  .thumb

  .section .text.tq_sum_taps_f32, "ax", %progbits
  .global tq_sum_taps_f32
  .type tq_sum_taps_f32, %function
  .thumb_func
tq_sum_taps_f32:
  push {r4-r9}
  vpush {s16-s23}
  ldmia r0, {r4-r9}
  adr r0, zeros
  vldmia r0, {s0-s7}
.Lrow:
  mov r0, r5
.Ltap:
  vldmia r1, {s8-s15}
  vldmia r2, {s16-s23}
  vmul.f32 s16, s8, s16
  vmul.f32 s17, s9, s17
  vmul.f32 s18, s10, s18
  vmul.f32 s19, s11, s19
  vmul.f32 s20, s12, s20
  vmul.f32 s21, s13, s21
  vmul.f32 s22, s14, s22
  vmul.f32 s23, s15, s23
  vadd.f32 s0, s0, s16
  vadd.f32 s1, s1, s17
  vadd.f32 s2, s2, s18
  vadd.f32 s3, s3, s19
  vadd.f32 s4, s4, s20
  vadd.f32 s5, s5, s21
  vadd.f32 s6, s6, s22
  vadd.f32 s7, s7, s23
  add r1, r6
  add r2, r8
  subs r0, #1
  bne .Ltap
  add r1, r7
  add r2, r9
  subs r4, #1
  bne .Lrow
  vstmia r3, {s0-s7}
  vpop {s16-s23}
  pop {r4-r9}
  bx lr
  .balign 4
zeros:
  .word 0, 0, 0, 0, 0, 0, 0, 0
  .size tq_sum_taps_f32, . - tq_sum_taps_f32
#endif
