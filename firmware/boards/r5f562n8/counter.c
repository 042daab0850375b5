/*
 * With `-icount shift=0` every instruction takes 1 ns of QEMU's virtual time. Two timers recover
 * the number of instructions:
 * - CMT0 interrupts after every 20,000 ns;
 * - TMR0 with TMR1 tells the time since the last interrupt. QEMU 7.2 returns the ticks since the
 *   previous reading, not since the start, and has 1000 / 48 ticks per ns where 48 / 1000 would be
 *   right: divided by 8, 2.6 ticks per instruction, so that rounding gives the exact number.
 * What reading and interrupts themselves cost is found out with loops of known length at start.
 */
#include "tq_counter.h"

#include <stdbool.h>
#include <stddef.h>

#define CMT0_CMCR TQ_REGISTER_16(0x88002u)
#define CMT0_CMCOR TQ_REGISTER_16(0x88006u)
#define ICU_IER03 TQ_REGISTER_8(0x87203u)
#define ICU_IPR04 TQ_REGISTER_8(0x87304u)

enum {
  CMCR_PCLK_8 = 0,
  CMCR_INTERRUPT = 1 << 6,
  IER_CMT0 = 1 << 4,
  PERIOD = 20000,
  PERIOD_TICKS = PERIOD * 48 / 8 / 1000,
  READ_COST = 2, /* the instructions beside the call between two readings */
};

const char tq_board_unit[] = "instructions";

volatile uint32_t tq_counter_periods;

static uint32_t interrupt_cost; /* instructions of one interrupt */
static uint32_t lead;           /* from the begin of a period to its reading, less READ_COST */

void tq_counter_init(void) {
  CMT0_CMCR = CMCR_PCLK_8 | CMCR_INTERRUPT;
  CMT0_CMCOR = PERIOD_TICKS;
  ICU_IPR04 = 1;
  ICU_IER03 |= IER_CMT0;
}

/* The timer starts at 1. */
static uint32_t instructions(uint32_t ticks) { return ((ticks - 1u) * (8u * 48u) + 500u) / 1000u; }

static uint32_t since_reading(uint32_t iterations) {
  return instructions(tq_timed_call(tq_known_loop, &iterations));
}

/* Call, load, loop and return. */
static uint32_t loop_instructions(uint32_t iterations) { return 2u * iterations + 3u; }

bool tq_board_counter_is_exact(void) {
  enum { SHORT = 1000, ONE = 13000, TWO = 23000, MANY = 100000, MANY_PERIODS = 10 };
  if (since_reading(SHORT) - loop_instructions(SHORT) != READ_COST || tq_counter_periods != 0) {
    return false;
  }
  uint32_t one = since_reading(ONE) + PERIOD - loop_instructions(ONE);
  if (tq_counter_periods != 1) {
    return false;
  }
  uint32_t two = since_reading(TWO) + 2u * PERIOD - loop_instructions(TWO);
  if (tq_counter_periods != 2) {
    return false;
  }
  interrupt_cost = two - one;
  lead = interrupt_cost - one;
  uint32_t many = MANY;
  return tq_board_measure(tq_known_loop, &many) == loop_instructions(MANY) &&
         tq_counter_periods == MANY_PERIODS;
}

uint64_t tq_board_measure(tq_board_function function, const void *argument) {
  uint32_t since = instructions(tq_timed_call(function, argument));
  if (since < READ_COST) {
    return 0; /* the timer stood still: no model is that short */
  }
  uint32_t periods = tq_counter_periods;
  if (periods == 0) {
    return since - READ_COST;
  }
  return (uint64_t)periods * (PERIOD - interrupt_cost) + since + lead;
}
