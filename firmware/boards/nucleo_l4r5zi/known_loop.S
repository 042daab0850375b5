/* A loop whose cycles the core's manual gives, to try clock, wait states and caches with. */
#define ADDS 32 /* TQ_KNOWN_LOOP_ADDS */

  .syntax unified
  .thumb

/* void tq_known_loop(iterations) */
  .section .text.tq_known_loop, "ax", %progbits
  .balign 32
  .global tq_known_loop
  .type tq_known_loop, %function
  .thumb_func
tq_known_loop:
  ldr r0, [r0]
  movs r1, #0
  nop
  nop
1:
  .rept ADDS
  adds r1, #1
  .endr
  subs r0, #1
  bne 1b
  bx lr
  .size tq_known_loop, . - tq_known_loop
