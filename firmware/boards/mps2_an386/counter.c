/*
 * With `-icount shift=7` every instruction takes 128 ns of QEMU's virtual time, and CMSDK timer 0
 * ticks every 40 ns: 3.2 ticks per instruction. One tick is a third of an instruction, so that
 * rounding gives the exact number. The 32-bit timer wraps after 1.34e9 instructions; the dual
 * timer, 256 times slower on the same clock, tells how often it did, up to 3.4e11.
 */
#include "tq_counter.h"

#include <stdbool.h>

#include "tq_cortex_m.h"
#include "tq_timed_call.h"
#include "tq_wide_count.h"

#define TIMER0_CTRL TQ_REGISTER(0x40000000u)
#define TIMER0_VALUE TQ_REGISTER(0x40000004u)
#define TIMER0_RELOAD TQ_REGISTER(0x40000008u)
#define DUALTIMER_LOAD TQ_REGISTER(0x40002000u)
#define DUALTIMER_VALUE TQ_REGISTER(0x40002004u)
#define DUALTIMER_CONTROL TQ_REGISTER(0x40002008u)

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

void tq_counter_init(void) {
  TIMER0_CTRL = 0;
  TIMER0_RELOAD = UINT32_MAX;
  TIMER0_VALUE = UINT32_MAX;
  TIMER0_CTRL = TIMER_ENABLE;
  DUALTIMER_LOAD = UINT32_MAX;
  DUALTIMER_CONTROL = DUALTIMER_32_BIT | DUALTIMER_PRESCALE_256 | DUALTIMER_ENABLE;
}

static uint64_t instructions(uint64_t ticks) { return (ticks * 5u + 8u) >> 4; }

/* Both timers count down. */
static uint32_t elapsed(uint64_t reading) { return (uint32_t)reading - (uint32_t)(reading >> 32); }

bool tq_board_counter_is_exact(void) {
  read_cost = (uint32_t)instructions(elapsed(tq_timed_loop(0, &TIMER0_VALUE)));
  uint64_t loop = instructions(elapsed(tq_timed_loop(SELF_TEST_ITERATIONS, &TIMER0_VALUE)));
  return read_cost == 1 && loop - read_cost == 2 * SELF_TEST_ITERATIONS;
}

uint64_t tq_board_now(void) { return TIMER0_VALUE; }

uint64_t tq_board_since(uint64_t reading) {
  return instructions((uint32_t)reading - (uint32_t)TIMER0_VALUE);
}

uint64_t tq_board_measure(tq_board_function function, const void *argument) {
  uint32_t slow_before = DUALTIMER_VALUE;
  uint32_t ticks = elapsed(tq_timed_call(function, argument, &TIMER0_VALUE));
  uint64_t slow_ticks = (uint64_t)(slow_before - DUALTIMER_VALUE) << PRESCALE_LOG2;
  return instructions(tq_wide_count(ticks, slow_ticks)) - read_cost;
}
