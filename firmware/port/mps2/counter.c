/*
 * With `-icount shift=7` every instruction takes 128 ns of QEMU's virtual time. CMSDK timer 0 ticks
 * at the board's clock, for example every 40 ns at 25 MHz: 3.2 ticks per instruction
 * (tq_board_config.h). A tick is less than half an instruction, so that rounding gives the exact
 * number. The 32-bit timer wraps after 1.34e9 instructions at 25 MHz; the dual timer, 256 times
 * slower on the same clock, tells how often it did, up to 3.4e11.
 *
 * The SSE-300 has a system counter of 64 bits instead, which counts up.
 */
#include "tq_counter.h"

#include <stdbool.h>

#include "tq_board_config.h"
#include "tq_cortex_m.h"
#include "tq_timed_call.h"
#include "tq_wide_count.h"

#ifdef TQ_SYSTEM_COUNTER

#define COUNTER_CONTROL TQ_REGISTER(TQ_SYSTEM_COUNTER)
#define COUNTER_LOW TQ_REGISTER(TQ_SYSTEM_COUNTER + 0x1000u) /* of the status frame */
#define COUNTER_HIGH TQ_REGISTER(TQ_SYSTEM_COUNTER + 0x1004u)

#else

#define TIMER0_CTRL TQ_REGISTER(TQ_CMSDK_TIMERS)
#define COUNTER_LOW TQ_REGISTER(TQ_CMSDK_TIMERS + 0x4u) /* the timer's value */
#define TIMER0_RELOAD TQ_REGISTER(TQ_CMSDK_TIMERS + 0x8u)
#define DUALTIMER_LOAD TQ_REGISTER(TQ_CMSDK_TIMERS + 0x2000u)
#define DUALTIMER_VALUE TQ_REGISTER(TQ_CMSDK_TIMERS + 0x2004u)
#define DUALTIMER_CONTROL TQ_REGISTER(TQ_CMSDK_TIMERS + 0x2008u)

#endif

enum {
  TIMER_ENABLE = 1,
  DUALTIMER_32_BIT = 1 << 1,
  DUALTIMER_PRESCALE_256 = 2 << 2,
  DUALTIMER_ENABLE = 1 << 7,
  PRESCALE_LOG2 = 8,
  SELF_TEST_ITERATIONS = 1000,
};

const char tq_board_unit[] = "instructions";

static uint32_t read_cost;

static uint64_t instructions(uint64_t ticks) {
  return (ticks * TQ_TICKS_DIVISOR + TQ_TICKS_MULTIPLE / 2u) / TQ_TICKS_MULTIPLE;
}

#ifdef TQ_SYSTEM_COUNTER

void tq_counter_init(void) { COUNTER_CONTROL = TIMER_ENABLE; }

static uint32_t ticks_since(uint32_t before, uint32_t after) { return after - before; }

/* The ticks, right to within a carry between the two halves. */
static uint64_t slow_ticks(void) { return (uint64_t)COUNTER_HIGH << 32 | COUNTER_LOW; }

#else

void tq_counter_init(void) {
  TIMER0_CTRL = 0;
  TIMER0_RELOAD = UINT32_MAX;
  COUNTER_LOW = UINT32_MAX;
  TIMER0_CTRL = TIMER_ENABLE;
  DUALTIMER_LOAD = UINT32_MAX;
  DUALTIMER_CONTROL = DUALTIMER_32_BIT | DUALTIMER_PRESCALE_256 | DUALTIMER_ENABLE;
}

/* Both timers count down. */
static uint32_t ticks_since(uint32_t before, uint32_t after) { return before - after; }

#endif

static uint32_t elapsed(uint64_t reading) {
  return ticks_since((uint32_t)reading, (uint32_t)(reading >> 32));
}

bool tq_board_counter_is_exact(void) {
  read_cost = (uint32_t)instructions(elapsed(tq_timed_loop(0, &COUNTER_LOW)));
  uint64_t loop = instructions(elapsed(tq_timed_loop(SELF_TEST_ITERATIONS, &COUNTER_LOW)));
  return read_cost == 1 && loop - read_cost == 2 * SELF_TEST_ITERATIONS;
}

uint64_t tq_board_now(void) { return COUNTER_LOW; }

uint64_t tq_board_since(uint64_t reading) {
  return instructions(ticks_since((uint32_t)reading, COUNTER_LOW));
}

uint64_t tq_board_measure(tq_board_function function, const void *argument) {
#ifdef TQ_SYSTEM_COUNTER
  uint64_t slow_before = slow_ticks();
  uint32_t ticks = elapsed(tq_timed_call(function, argument, &COUNTER_LOW));
  uint64_t slow = slow_ticks() - slow_before;
#else
  uint32_t slow_before = DUALTIMER_VALUE;
  uint32_t ticks = elapsed(tq_timed_call(function, argument, &COUNTER_LOW));
  uint64_t slow = (uint64_t)(slow_before - DUALTIMER_VALUE) << PRESCALE_LOG2;
#endif
  return instructions(tq_wide_count(ticks, slow)) - read_cost;
}
