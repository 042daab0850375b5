/*
 * The measured stretches of code.
 *
 *   uint64_t tq_timed_call(function, argument, counter);   (tq_timed_call.h)
 *   uint64_t tq_timed_loop(iterations, counter);
 *
 * Both return the counter before in the lower word (r0) and after in the upper one (r1). From one
 * load of the counter to the next, QEMU's clock advances by the instructions between them plus one
 * (a load itself); on a real core, what the loads cost is found out by a stretch of nothing.
 *
 * Assembler, so that the stretch is these instructions and no others.
 *
 *   r2, r4  address of the counter (loop, call)
 *   r3      function (call); iterations left (loop)
 *   r5      the counter before (call)
 */
  .syntax unified
  .thumb

  .section .text.tq_timed_call, "ax", %progbits
  .global tq_timed_call
  .type tq_timed_call, %function
  .thumb_func
tq_timed_call:
  push {r3-r5, lr}
  mov r4, r2
  mov r3, r0
  mov r0, r1
  ldr r5, [r4]
  blx r3
  ldr r1, [r4]
  mov r0, r5
  pop {r3-r5, pc}
  .size tq_timed_call, . - tq_timed_call

  .section .text.tq_timed_loop, "ax", %progbits
  .global tq_timed_loop
  .type tq_timed_loop, %function
  .thumb_func
tq_timed_loop:
  mov r2, r1
  mov r3, r0
#if __ARM_ARCH_ISA_THUMB == 2
  cbz r3, .Lno_iteration
#else
  cmp r3, #0
  beq .Lno_iteration
#endif
  ldr r0, [r2]
.Literation:
  subs r3, #1
  bne .Literation
  ldr r1, [r2]
  bx lr
.Lno_iteration:
  ldr r0, [r2]
  ldr r1, [r2]
  bx lr
  .size tq_timed_loop, . - tq_timed_loop
