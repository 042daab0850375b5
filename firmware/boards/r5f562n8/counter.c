/*
 * With `-icount shift=0` every instruction takes 1 ns of QEMU's virtual time, and CMT0 interrupts
 * after every 20,000 ns: after every 20,000 instructions, and exactly between two of them. What
 * was executed before the last interrupt is known then. The interrupted code is the measured
 * function, the interrupts themselves, and at last a loop that counts how often it ran.
 *
 * No timer is ever read. QEMU 7.2 returns 0 for CMCNT. TCNT of TMR0 with TMR1 holds the ticks
 * since the previous reading, at 1000 / 48 per ns where 48 / 1000 would be right, without the
 * carry into its upper byte, and that byte is undefined for less than 256 ticks.
 */
#include "tq_counter.h"

#include <stdbool.h>
#include <stddef.h>

#define CMT0_CMCR TQ_REGISTER_16(0x88002u)
#define CMT0_CMCNT TQ_REGISTER_16(0x88004u)
#define CMT0_CMCOR TQ_REGISTER_16(0x88006u)
#define ICU_IER03 TQ_REGISTER_8(0x87203u)
#define ICU_IPR04 TQ_REGISTER_8(0x87304u)

enum {
  CMCR_PCLK_8 = 0,
  CMCR_INTERRUPT = 1 << 6,
  IER_CMT0 = 1 << 4,
  PERIOD = 20000,
  PERIOD_TICKS = PERIOD * 48 / 8 / 1000,
};

const char tq_board_unit[] = "instructions";

volatile uint32_t tq_counter_periods;

static uint32_t interrupt_cost; /* instructions of one interrupt */
static uint32_t call_cost;      /* of tq_timed_call itself, within the periods */

void tq_counter_init(void) {
  CMT0_CMCR = CMCR_PCLK_8 | CMCR_INTERRUPT;
  CMT0_CMCNT = 0;
  CMT0_CMCOR = PERIOD_TICKS;
  ICU_IPR04 = 1;
  ICU_IER03 |= IER_CMT0;
}

/* Call, load, loop and return. */
static uint32_t loop_instructions(uint32_t iterations) { return 2u * iterations + 3u; }

static uint32_t waited_after(uint32_t iterations) {
  return tq_timed_call(tq_known_loop, &iterations);
}

static bool is_exact_for(uint32_t iterations) {
  return tq_board_measure(tq_known_loop, &iterations) == loop_instructions(iterations);
}

bool tq_board_counter_is_exact(void) {
  enum { ONE = 1000, TWO = 13000, MANY = 100000, MANY_PERIODS = 11, AROUND = 32 };
  call_cost = PERIOD - loop_instructions(ONE) - waited_after(ONE);
  if (tq_counter_periods != 1) {
    return false;
  }
  interrupt_cost = 2u * PERIOD - loop_instructions(TWO) - waited_after(TWO) - call_cost;
  if (tq_counter_periods != 2 || !is_exact_for(MANY) || tq_counter_periods != MANY_PERIODS) {
    return false;
  }
  /* The first interrupt comes at every place of a measurement's end. */
  for (uint32_t n = PERIOD / 2 - AROUND; n <= PERIOD / 2; n++) {
    if (!is_exact_for(n)) {
      return false;
    }
  }
  return true;
}

uint64_t tq_board_measure(tq_board_function function, const void *argument) {
  uint32_t waited = tq_timed_call(function, argument);
  uint32_t periods = tq_counter_periods;
  if (periods == 0) {
    return 0;
  }
  return (uint64_t)periods * (PERIOD - interrupt_cost) + interrupt_cost - waited - call_cost;
}
