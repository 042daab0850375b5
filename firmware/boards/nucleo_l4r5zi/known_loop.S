/*
 * A loop whose cycles the core's manual gives, to try clock, wait states and caches with.
 *
 *   void tq_known_loop(const void *iterations);
 *
 *   r0  iterations left
 *   r1  what is added to
 */
#define ADDS 32 /* TQ_KNOWN_LOOP_ADDS */

  .syntax unified
  .thumb

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
.Literation:
  .rept ADDS
  adds r1, #1
  .endr
  subs r0, #1
  bne .Literation
  bx lr
  .size tq_known_loop, . - tq_known_loop
