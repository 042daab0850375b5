/*
 * Sums of products for four output pixels and four channels at once, in the order of the inputs:
 * the inner loop of CONV_2D on float32.
 *
 *   void tq_sum_block_f32(const tq_block_f32 *block, const float *weights, float sums[16]);
 *                                                                         (tq_dsp_block_f32.h)
 *
 * The outer loop takes a filter row per pass, a run of contiguous inputs for each pixel; the inner
 * ones take four inputs of each pixel per pass, then one.
 *
 * Assembler for 16 sums in registers and the distance between a product and its sum. VMUL and VADD
 * take two cycles, and round the product and the sum as the multiplication and addition that a
 * compiler generates; VMLA gives the same bits and takes three.
 *
 *   r0         inputs left in the run, less those of a pass
 *   r1         weights
 *   r2         where the sums go
 *   r3         inputs of pixel 0; r10-r12 those of pixels 1 to 3
 *   r4         rows                                      r4-r9 are the tq_block_f32
 *   r5         rows left
 *   r6         inputs per row
 *   r7-r9      bytes from the inputs of pixel 0 to those of pixels 1 to 3
 *   s0-s15     sums: channels 0 to 3 of pixel 0, of pixel 1...
 *   s16-s19    an input of each pixel
 *   s20-s23    its weights in the four channels
 *   s24-s27    products
 */
#ifdef __ARM_FP /* else sums_f32.c */
  .syntax unified
  .thumb

/* The products of one pixel's input with four channels. */
.macro one_pixel input, sum0, sum1, sum2, sum3
  vmul.f32 s24, \input, s20
  vmul.f32 s25, \input, s21
  vmul.f32 s26, \input, s22
  vmul.f32 s27, \input, s23
  vadd.f32 \sum0, \sum0, s24
  vadd.f32 \sum1, \sum1, s25
  vadd.f32 \sum2, \sum2, s26
  vadd.f32 \sum3, \sum3, s27
.endm

/* 16 multiply-accumulates in 37 instructions and 42 cycles. */
.macro one_input offset
  vldr s16, [r3, #\offset]
  vldr s17, [r10, #\offset]
  vldr s18, [r11, #\offset]
  vldr s19, [r12, #\offset]
  vldmia r1!, {s20-s23}
  one_pixel s16, s0, s1, s2, s3
  one_pixel s17, s4, s5, s6, s7
  one_pixel s18, s8, s9, s10, s11
  one_pixel s19, s12, s13, s14, s15
.endm

.macro advance bytes
  adds r3, #\bytes
  add r10, #\bytes
  add r11, #\bytes
  add r12, #\bytes
.endm

  .section .text.tq_sum_block_f32, "ax", %progbits
  .global tq_sum_block_f32
  .type tq_sum_block_f32, %function
  .thumb_func
tq_sum_block_f32:
  push {r4-r11}
  vpush {s16-s27}
  ldmia r0, {r4-r9}
  movs r3, #0
  vmov s0, r3
  .irp sum, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15
  vmov.f32 \sum, s0
  .endr
.Lrow:
  ldr r3, [r4], #4
  subs r0, r6, #4
  add r10, r3, r7
  add r11, r3, r8
  add r12, r3, r9
  blt .Lbelow_4
.Lfour:
  one_input 0
  one_input 4
  one_input 8
  one_input 12
  advance 16
  subs r0, #4
  bge .Lfour
.Lbelow_4:
  adds r0, #4
  beq .Lnext
.Lone:
  one_input 0
  advance 4
  subs r0, #1
  bne .Lone
.Lnext:
  subs r5, #1
  bne .Lrow
  vstmia r2, {s0-s15}
  vpop {s16-s27}
  pop {r4-r11}
  bx lr
  .size tq_sum_block_f32, . - tq_sum_block_f32
#endif
