/*
 * The measured stretch of code, and the interrupt of the timer that cuts it into periods. The
 * registers are those of the RX62N Group User's Manual: Hardware, chapter 21 (CMT).
 *
 *   r1      argument; tries left while it waits; the result
 *   r2      scratch; from the interrupt: which instruction of the wait was the next
 *   r6      address of the periods that are over
 *   r7      address of CMSTR0, which starts and stops the timer
 *   r8      function
 */
#define CMSTR0 0x88000
#define TRIES 0x8000 /* two instructions each: more than one period of counter.c */

/*
 * uint32_t tq_timed_call(function, argument): calls, then counts its own instructions until the
 * period in which the function returned is over.
 */
  .section .text.tq_timed_call, "ax", @progbits
  .global _tq_timed_call
  .type _tq_timed_call, @function
_tq_timed_call:
  pushm r6-r8
  mov.l r1, r8
  mov.l r2, r1
  mov.l #_tq_counter_periods, r6
  mov.l #0, r2
  mov.l r2, [r6]
  mov.l #CMSTR0, r7
  mov.l #1, r2
  mov.w r2, [r7]
  jsr r8
  mov.l #TRIES, r1
await_period:
  sub #1, r1
await_again:
  bne await_period
await_end:
  mov.l r1, [r6] /* the timer stands still: no period, and 0 as the result */
  bra .Lcounted
/* Here from the interrupt; r1 is as it was there, r2 tells which instruction was the next. */
period_over:
  mov.l #TRIES, r3
  sub r1, r3
  add r3, r3, r1
  cmp #0, r2
  beq .Lcounted
  sub #1, r1 /* the last bne was not executed */
.Lcounted:
  mov.l #0, r2
  mov.w r2, [r7]
  rtsd #12, r6-r8
  .size _tq_timed_call, . - _tq_timed_call

/*
 * A period is over: counts it, and ends the waiting if it waited. Also the place where a stack
 * overflow is found out.
 */
  .section .text.tq_counter_interrupt, "ax", @progbits
  .global _tq_counter_interrupt
  .type _tq_counter_interrupt, @function
_tq_counter_interrupt:
  pushm r1-r3
#define STACKED_R2 4
#define STACKED_PC 12
  mov.l #_tq_counter_periods, r1
  mov.l [r1], r2
  add #1, r2
  mov.l r2, [r1]
  mvfc usp, r2
  cmp #_tq_stack_limit, r2
  bltu .Loverflow
  mov.l STACKED_PC[r0], r2
  mov.l #await_period, r1
  sub r1, r2
  cmp #await_end - await_period, r2
  bltu .Lend_of_waiting
  popm r1-r3
  rte
.Loverflow:
  popm r1-r3
  bra.a _tq_stack_overflow
.Lend_of_waiting:
  mov.l r2, STACKED_R2[r0]
  mov.l #period_over, r2
  mov.l r2, STACKED_PC[r0]
  popm r1-r3
  rte
  .size _tq_counter_interrupt, . - _tq_counter_interrupt

/* void tq_known_loop(iterations) */
  .section .text.tq_known_loop, "ax", @progbits
  .global _tq_known_loop
  .type _tq_known_loop, @function
_tq_known_loop:
  mov.l [r1], r1
.Literation:
  sub #1, r1
  bne .Literation
  rts
  .size _tq_known_loop, . - _tq_known_loop
