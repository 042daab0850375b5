/*
 * Three pixels by all pairs of channels: the inner loops of the convolutions.
 *
 *   void tq_convolve_summed_s8(const tq_convolve_block *block);   (tq_dsp_conv.h)
 *   void tq_convolve_plain_s8(const tq_convolve_block *block);
 *   void tq_convolve_s4(const tq_convolve_block *block);
 *   void tq_convolve_s16(const tq_convolve_block *block);
 *
 * The outer loop takes a pair of channels per pass. It clears six sums, runs over all positions of
 * the window, scales the sums and stores six outputs. The inner loop takes four steps per pass, a
 * step four positions: it loads the inputs of three pixels (gather.S put them side by side) and
 * the weights of both channels, and makes 24 products of them. A number of steps that is no
 * multiple of four enters the first pass in its middle.
 *
 * Assembler, because the inner loop needs every register there is; a compiler spills some of them
 * in each pass:
 *
 *   r0           weights, through all pairs of channels
 *   r1           inputs
 *   r2           passes left of the inner loop
 *   r3, r4, r5   two positions of pixels 0, 1, 2
 *   r6, r7       weights
 *   r8, r9, r10  sums of pixels 0, 1, 2: the high channel's, or 256 times it plus the low one's
 *   r11, r12, lr sums of pixels 0, 1, 2: the low channel's
 *
 * and while the sums become outputs:
 *
 *   r1           factors of the next channel
 *   r2-r5        int8: bias, multiplier, right shift, what to round with; int16: two factors
 *   r6           scratch; int16: what to round with
 */
  .syntax unified
  .thumb

/*
 * tq_convolve_block, copied to the stack, with two members replaced: passes of the inner loop in
 * place of `steps`, and in place of `weights` where the first pass enters. OPTION is what is left
 * to know of the output: for int8 2 * zero point + 1, for int16 whether negative outputs become 0.
 */
.equ COLUMNS, 0
.equ LOOPS, 4
.equ CHANNELS, 8
.equ OUTPUT, 12
.equ PAIRS, 16
.equ STRIDE_1, 20
.equ STRIDE_2, 24
.equ OPTION, 28
.equ ENTRY, 32
.equ FRAME, 36

/* The products of two positions of one channel, or of two channels that share a word. */
.macro sums_of_word sum0, sum1, sum2, weights
  smlad \sum0, r3, \weights, \sum0
  smlad \sum1, r4, \weights, \sum1
  smlad \sum2, r5, \weights, \sum2
.endm

/*
 * A word of weights holds 256 * high + low in each half. The product with the word as it is goes
 * to the sum of both channels, that with the low bytes (SXTB16) to the low channel's alone. The
 * step's size in bytes is what `enter` counts with.
 */
.equ SUMMED_STEP, 62
.macro summed_step
  ldmia r0!, {r6, r7}
  ldmia r1!, {r3, r4, r5}
  sums_of_word r8, r9, r10, r6
  sxtb16 r6, r6
  sums_of_word r11, r12, lr, r6
  ldmia r1!, {r3, r4, r5}
  sums_of_word r8, r9, r10, r7
  sxtb16 r7, r7
  sums_of_word r11, r12, lr, r7
.endm

/*
 * A word of weights holds low, high, low, high: bytes 1 and 3 are the high channel's two
 * positions, bytes 0 and 2 the low channel's.
 */
.equ PLAIN_STEP, 72
.macro plain_step
  .rept 2
  ldmia r0!, {r6}
  ldmia r1!, {r3, r4, r5}
  sxtb16 r7, r6, ror #8
  sums_of_word r8, r9, r10, r7
  sxtb16 r6, r6
  sums_of_word r11, r12, lr, r6
  .endr
.endm

/*
 * A word of weights holds two channels by four positions, half a byte each (tq_kernels_dsp_int4.h).
 * Left in the upper half of its byte, a weight is 16 times what it is, and signed.
 */
.equ INT4_STEP, 90
.macro int4_step
  ldmia r0!, {r7}
  ldmia r1!, {r3, r4, r5}
  and r6, r7, #0xf0f0f0f0
  sxtb16 r6, r6
  sums_of_word r8, r9, r10, r6
  lsls r6, r7, #4
  and r6, r6, #0xf0f0f0f0
  sxtb16 r6, r6
  sums_of_word r11, r12, lr, r6
  ldmia r1!, {r3, r4, r5}
  and r6, r7, #0xf0f0f0f0
  sxtb16 r6, r6, ror #8
  sums_of_word r8, r9, r10, r6
  lsls r6, r7, #4
  and r6, r6, #0xf0f0f0f0
  sxtb16 r6, r6, ror #8
  sums_of_word r11, r12, lr, r6
.endm

/* The inner loop. */
.macro loop step, size
.Lsteps\@:
  .rept 4
  \step
  .endr
.if (. - .Lsteps\@) != 4 * \size
  .error "the size of a step is wrong"
.endif
  subs r2, #1
  bne .Lsteps\@
.endm

/*
 * Copies the block and computes its two other members:
 *   LOOPS = (steps + 3) / 4,  ENTRY = first_step + (-steps mod 4) * size, with bit 0 for Thumb.
 */
.macro enter first_step, size
  push {r4-r11, lr}
  sub sp, #FRAME
  ldmia r0, {r1-r9}
  mov r0, r9
  rsb r9, r2, #0
  and r9, #3
  mov r10, #\size
  adr r11, \first_step
  mla r9, r9, r10, r11
  orr r9, #1
  adds r2, #3
  lsrs r2, #2
  stmia sp, {r1-r9}
.endm

.macro leave
  add sp, #FRAME
  pop {r4-r11, pc}
.endm

/*
 * int8: r2 = twice the bias, r3 = multiplier, r4 = right shift, and
 *   r5 = (OPTION << shift) / 2 = (zero point << shift) + half of 1 << shift
 */
.macro channel_s8
  ldmia r1!, {r2, r3, r4}
  ldr r5, [sp, #OPTION]
  lsls r5, r4
  asrs r5, #1
.endm

/*
 * Twice a biased sum becomes an output. SMMLAR multiplies with 32 fractional bits where the
 * multiplier has 31, which is why sums are doubled; it rounds the product to nearest and adds r6
 * in the same instruction. In r6, half of the last place rounds the shift, which by itself rounds
 * downward; less 1 for a negative sum, so that ties go away from zero; and the zero point is in
 * it. The sum's sign serves for the scaled sum's: they differ only where that is 0, and 0 becomes
 * 0 either way.
 */
.macro output_s8 value
  add r6, r5, \value, asr #31
  smmlar \value, \value, r3, r6
  asr \value, r4
  ssat \value, #8, \value
.endm

/* Twice a sum, biased (r2). */
.macro biased sum, int4
.if \int4
  add \sum, r2, \sum, asr #3
.else
  add \sum, r2, \sum, lsl #1
.endif
.endm

/* `summed`: whether the weights are laid out that way (tq_kernels_dsp_conv.h). */
.macro convolve_s8 name, step, size, summed=0, int4=0
  .section .text.\name, "ax", %progbits
  .balign 4
  .global \name
  .type \name, %function
  .thumb_func
\name:
  enter .Lfirst_step_\name, \size
.Lpair_\name:
  ldrd r1, r2, [sp, #COLUMNS]
  ldr r3, [sp, #ENTRY]
  mov r8, #0
  mov r9, #0
  mov r10, #0
  mov r11, #0
  mov r12, #0
  mov lr, #0
  bx r3
  .balign 4
.Lfirst_step_\name:
  loop \step, \size
  ldr r1, [sp, #CHANNELS]
/* 256 * high */
.if \summed
  sub r8, r11
  sub r9, r12
  sub r10, lr
.endif
  channel_s8
  biased r11, \int4
  biased r12, \int4
  biased lr, \int4
  output_s8 r11
  output_s8 r12
  output_s8 lr
  channel_s8
  str r1, [sp, #CHANNELS]
/* Twice the high channel's sum: that of 256 * high is 7 bits to the right. */
.if \summed
  add r8, r2, r8, asr #7
  add r9, r2, r9, asr #7
  add r10, r2, r10, asr #7
.else
  biased r8, \int4
  biased r9, \int4
  biased r10, \int4
.endif
  output_s8 r8
  output_s8 r9
  output_s8 r10
/* Pixel 0 comes last: pixels that do not exist have stride 0 and write where it does. */
  ldrd r2, r3, [sp, #OUTPUT]
  ldrd r4, r5, [sp, #STRIDE_1]
  strb lr, [r2, r5]
  strb r12, [r2, r4]
  strb r11, [r2], #1
  strb r10, [r2, r5]
  strb r9, [r2, r4]
  strb r8, [r2], #1
  subs r3, #1
  strd r2, r3, [sp, #OUTPUT]
  bne .Lpair_\name
  leave
  .size \name, . - \name
.endm

  convolve_s8 tq_convolve_summed_s8, summed_step, SUMMED_STEP, summed=1
  convolve_s8 tq_convolve_plain_s8, plain_step, PLAIN_STEP
  convolve_s8 tq_convolve_s4, int4_step, INT4_STEP, int4=1

/*
 * int16: a sum becomes an output. The multiplier has 16 fractional bits more than the kernel's, so
 * that SMMLA leaves out the lower half of the product. It must not round: the one rounding is by
 * r6, half of the last place, before the shift, ties upward.
 */
.macro output_s16 value, multiplier, shift
  smmla \value, \value, \multiplier, r6
  asr \value, \shift
.endm

  .section .text.tq_convolve_s16, "ax", %progbits
  .balign 4
  .global tq_convolve_s16
  .type tq_convolve_s16, %function
  .thumb_func
tq_convolve_s16:
  enter .Lfirst_step_s16, PLAIN_STEP
.Lpair_s16:
  ldr r1, [sp, #CHANNELS]
  ldmia r1!, {r8, r11}
  str r1, [sp, #CHANNELS]
  mov r9, r8
  mov r10, r8
  mov r12, r11
  mov lr, r11
  ldrd r1, r2, [sp, #COLUMNS]
  ldr r3, [sp, #ENTRY]
  bx r3
  .balign 4
.Lfirst_step_s16:
  loop plain_step, PLAIN_STEP
  ldr r1, [sp, #CHANNELS]
  ldmia r1!, {r2, r3, r4, r5}
  str r1, [sp, #CHANNELS]
  movs r7, #1
  lsl r6, r7, r3
  lsrs r6, #1
  output_s16 r11, r2, r3
  output_s16 r12, r2, r3
  output_s16 lr, r2, r3
  lsl r6, r7, r5
  lsrs r6, #1
  output_s16 r8, r4, r5
  output_s16 r9, r4, r5
  output_s16 r10, r4, r5
  ldr r6, [sp, #OPTION]
  cbnz r6, .Lno_negative_s16
  .irp value, r8, r9, r10, r11, r12, lr
  ssat \value, #16, \value
  .endr
  b .Lstore_s16
.Lno_negative_s16:
  .irp value, r8, r9, r10, r11, r12, lr
  usat \value, #15, \value
  .endr
.Lstore_s16:
  ldrd r2, r3, [sp, #OUTPUT]
  ldrd r4, r5, [sp, #STRIDE_1]
  strh lr, [r2, r5]
  strh r12, [r2, r4]
  strh r11, [r2], #2
  strh r10, [r2, r5]
  strh r9, [r2, r4]
  strh r8, [r2], #2
  subs r3, #1
  strd r2, r3, [sp, #OUTPUT]
  bne .Lpair_s16
  leave
  .size tq_convolve_s16, . - tq_convolve_s16
