/*
 * The measured stretches of code. The simulator counts its core's cycles where TPU1 and TPU2 are.
 *
 *   void tq_timed_call(function, argument, tq_reading *reading);   (tq_counter.h)
 *   void tq_timed_nothing(function, argument, tq_reading *reading);
 *   void tq_known_loop(const void *iterations);
 *
 * The counter's two halves cannot be read at once: a reading is the upper half, the lower one, and
 * the upper once more, which is another one if the lower ran over in between.
 *
 *   r6      address of TPU1's counter
 *   r7      the reading
 *   r8      function
 *   r2-r4   what was read
 *   r1      iterations left (loop)
 */
#define TPU1_TCNT 0x88126
#define FROM_TPU1_TO_TPU2 0x10

.macro TIMED name call
  .section .text.\name, "ax", @progbits
  .global \name
  .type \name, @function
  .balign 8
\name:
  pushm r6-r8
  mov.l r1, r8
  mov.l r2, r1
  mov.l r3, r7
  mov.l #TPU1_TCNT, r6
  mov.l #0, r2
  mov.w r2, [r6]
  \call
  mov.w [r6], r2
  mov.w FROM_TPU1_TO_TPU2[r6], r3
  mov.w [r6], r4
  mov.w r2, [r7]
  mov.w r3, 2[r7]
  mov.w r4, 4[r7]
  rtsd #12, r6-r8
  .size \name, . - \name
.endm

  TIMED _tq_timed_call, "jsr r8"
  TIMED _tq_timed_nothing, ""

  .section .text.tq_known_loop, "ax", @progbits
  .global _tq_known_loop
  .type _tq_known_loop, @function
_tq_known_loop:
  mov.l [r1], r1
  .balign 8
.Literation:
  sub #1, r1
  bne .Literation
  rts
  .size _tq_known_loop, . - _tq_known_loop
