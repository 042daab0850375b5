/*
 * The measured stretches of code. From one load of the counter to the next, QEMU's clock
 * advances by the instructions between them plus one (a load itself); on a real core, what the
 * loads cost is found out by a stretch of nothing.
 */
  .syntax unified
  .thumb

/* uint64_t tq_timed_call(function, argument, counter) */
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

/* uint64_t tq_timed_loop(iterations, counter) */
  .section .text.tq_timed_loop, "ax", %progbits
  .global tq_timed_loop
  .type tq_timed_loop, %function
  .thumb_func
tq_timed_loop:
  mov r2, r1
  mov r3, r0
#if __ARM_ARCH_ISA_THUMB == 2
  cbz r3, 2f
#else
  cmp r3, #0
  beq 2f
#endif
  ldr r0, [r2]
1:
  subs r3, #1
  bne 1b
  ldr r1, [r2]
  bx lr
2:
  ldr r0, [r2]
  ldr r1, [r2]
  bx lr
  .size tq_timed_loop, . - tq_timed_loop
