/*
 * The measured stretches of code.
 *
 *   uint64_t tq_timed_call(function, argument, counter);
 *   uint64_t tq_timed_nothing(counter);
 *   void tq_known_loop(const void *iterations);
 *
 * The first two return the counter before in the lower word (r1) and after in the upper one (r2).
 * Assembler, so that the stretch is these instructions and no others.
 *
 *   r6, r3  address of the counter (call, nothing)
 *   r7      the counter before (call)
 *   r8      function (call)
 *   r1, r2  iterations left, what is added to (loop)
 */
#define ADDS 32 /* TQ_KNOWN_LOOP_ADDS */

  .section .text.tq_timed_call, "ax", @progbits
  .global _tq_timed_call
  .type _tq_timed_call, @function
_tq_timed_call:
  pushm r6-r8
  mov.l r1, r8
  mov.l r2, r1
  mov.l r3, r6
  mov.l [r6], r7
  jsr r8
  mov.l [r6], r2
  mov.l r7, r1
  rtsd #12, r6-r8
  .size _tq_timed_call, . - _tq_timed_call

  .section .text.tq_timed_nothing, "ax", @progbits
  .global _tq_timed_nothing
  .type _tq_timed_nothing, @function
_tq_timed_nothing:
  mov.l r1, r3
  mov.l [r3], r1
  mov.l [r3], r2
  rts
  .size _tq_timed_nothing, . - _tq_timed_nothing

  .section .text.tq_known_loop, "ax", @progbits
  .global _tq_known_loop
  .type _tq_known_loop, @function
_tq_known_loop:
  mov.l [r1], r1
  mov.l #0, r2
  .balign 8
.Literation:
  .rept ADDS
  add #1, r2
  .endr
  sub #1, r1
  bne .Literation
  rts
  .size _tq_known_loop, . - _tq_known_loop
