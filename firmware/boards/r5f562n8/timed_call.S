/*
 * The measured stretch of code, and the interrupt of the timer that cuts it into periods. The
 * registers are those of the RX62N Group User's Manual: Hardware, chapters 20 (TMR), 21 (CMT) and
 * 11 (ICU).
 */
#define TMR_TCNT 0x88208 /* TMR0 and TMR1 as one 16-bit counter */
#define TCNT_START 1     /* QEMU hangs when the low byte is 0 at an update */
#define TCCR_OFFSET 2
#define TCCR_PCLK_8 0x1F0B
#define CMSTR0 0x88000
#define CMT0_REQUEST 0x8701C /* IR028 */

/* uint32_t tq_timed_call(function, argument) */
  .section .text.tq_timed_call, "ax", @progbits
  .global _tq_timed_call
  .type _tq_timed_call, @function
_tq_timed_call:
  pushm r6-r8
  mov.l r1, r8
  mov.l r2, r1
  mov.l #TMR_TCNT, r6
  mov.l #CMSTR0, r7
  mov.l #0, r2
  mov.l #_tq_counter_periods, r3
  mov.l r2, [r3]
  mov.w r2, TCCR_OFFSET[r6]
  mov.l #TCNT_START, r2
  mov.w r2, [r6]
  mov.l #TCCR_PCLK_8, r3
  mov.w r3, TCCR_OFFSET[r6]
  mov.w r2, [r7]
  movu.w [r6], r2
  jsr r8
  clrpsw i
  movu.w [r6], r1
  mov.l #_tq_counter_periods, r4
  mov.l [r4], r5
  mov.l #0, r2
  mov.w r2, [r7]
  mov.w r2, TCCR_OFFSET[r6]
  mov.l #CMT0_REQUEST, r3
  mov.b r2, [r3]
  /* A period that ended after the reading may still interrupt here; it does not count. */
  setpsw i
  nop
  mov.l r5, [r4]
  rtsd #12, r6-r8
  .size _tq_timed_call, . - _tq_timed_call

/*
 * A period is over: the next reading of the timer starts from here. Also the place where a stack
 * overflow is found out.
 */
  .section .text.tq_counter_interrupt, "ax", @progbits
  .global _tq_counter_interrupt
  .type _tq_counter_interrupt, @function
_tq_counter_interrupt:
  pushm r1-r3
  mov.l #TMR_TCNT, r1
  mov.l #TCNT_START, r2
  mov.w r2, [r1]
  movu.w [r1], r2
  mov.l #_tq_counter_periods, r1
  mov.l [r1], r2
  add #1, r2
  mov.l r2, [r1]
  mvfc usp, r2
  cmp #_tq_stack_limit, r2
  bltu 1f
  popm r1-r3
  rte
1:
  popm r1-r3
  bra.a _tq_stack_overflow
  .size _tq_counter_interrupt, . - _tq_counter_interrupt

/* void tq_known_loop(iterations) */
  .section .text.tq_known_loop, "ax", @progbits
  .global _tq_known_loop
  .type _tq_known_loop, @function
_tq_known_loop:
  mov.l [r1], r1
1:
  sub #1, r1
  bne 1b
  rts
  .size _tq_known_loop, . - _tq_known_loop
