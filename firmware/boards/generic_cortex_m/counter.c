/*
 * CYCCNT of the DWT counts core cycles where the core has it. The SysTick, which every core has,
 * counts them too: in 24 bits, its interrupt the rest. It tells how often CYCCNT wrapped, and is
 * the counter itself on Armv6-M and where CYCCNT stands still. Its interrupt takes some 30 cycles
 * of every 16.7 million.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tq_board.h"
#include "tq_cortex_m.h"
#include "tq_counter.h"
#include "tq_timed_call.h"
#include "tq_wide_count.h"

#define DEMCR TQ_REGISTER(0xE000EDFCu)
#define DWT_CTRL TQ_REGISTER(0xE0001000u)
#define DWT_CYCCNT TQ_REGISTER(0xE0001004u)
#define DWT_LAR TQ_REGISTER(0xE0001FB0u)
#define SYST_CSR TQ_REGISTER(0xE000E010u)
#define SYST_RVR TQ_REGISTER(0xE000E014u)
#define SYST_CVR TQ_REGISTER(0xE000E018u)

enum {
  DEMCR_TRCENA = 1 << 24,
  CTRL_CYCCNTENA = 1 << 0,
  CTRL_NOCYCCNT = 1 << 25,
  CSR_ENABLE = 7, /* counter, interrupt, the core's own clock */
  TICK_BITS = 24,
  TICK_MASK = (1 << TICK_BITS) - 1,
  LOOP_PASSES = 1000,
};

/* A Cortex-M7 locks its DWT (CoreSight, lock access register). */
#define LAR_KEY 0xC5ACCE55u

const char tq_board_unit[] = "cycles";

static bool has_cycle_counter;
static volatile uint32_t wraps;
static uint64_t read_cost;

void tq_tick_entry(void) { wraps++; }

/* Cycles by the SysTick, which counts down; right but for the moment of a wrap. */
static uint64_t tick_cycles(void) {
  uint32_t before, value;
  do {
    before = wraps;
    value = SYST_CVR;
  } while (before != wraps);
  return (uint64_t)before << TICK_BITS | (TICK_MASK - value);
}

static bool start_cycle_counter(void) {
#if __ARM_ARCH_ISA_THUMB == 2 /* Armv6-M has none */
  DEMCR |= DEMCR_TRCENA;
#if __ARM_ARCH == 7
  DWT_LAR = LAR_KEY;
#endif
  if (DWT_CTRL & CTRL_NOCYCCNT) {
    return false;
  }
  DWT_CYCCNT = 0;
  DWT_CTRL |= CTRL_CYCCNTENA;
  uint32_t before = DWT_CYCCNT;
  return DWT_CYCCNT != before;
#else
  return false;
#endif
}

const char *tq_counter_init(void) {
  SYST_RVR = TICK_MASK;
  SYST_CVR = 0;
  SYST_CSR = CSR_ENABLE;
  has_cycle_counter = start_cycle_counter();
  uint64_t before = tick_cycles();
  return tick_cycles() == before ? "tq: self-test: neither DWT nor SysTick counts" : NULL;
}

static volatile uint32_t *counter(void) { return has_cycle_counter ? &DWT_CYCCNT : &SYST_CVR; }

/* The readings of the counter before and after, and how far the SysTick went, as cycles. */
static uint64_t cycles(uint64_t reading, uint64_t slow) {
  uint32_t before = (uint32_t)reading, after = (uint32_t)(reading >> 32);
  if (has_cycle_counter) {
    return tq_wide_count(after - before, slow);
  }
  uint32_t fast = (before - after) & TICK_MASK;
  return ((slow + TICK_MASK / 2u - fast) >> TICK_BITS) << TICK_BITS | fast;
}

static uint64_t loop_cycles(uint32_t passes) {
  uint64_t before = tick_cycles();
  uint64_t reading = tq_timed_loop(passes, counter());
  return cycles(reading, tick_cycles() - before);
}

bool tq_board_counter_is_exact(void) {
  read_cost = loop_cycles(0);
  return loop_cycles(LOOP_PASSES) > LOOP_PASSES;
}

uint64_t tq_board_now(void) { return tick_cycles(); }

uint64_t tq_board_since(uint64_t reading) { return tick_cycles() - reading; }

uint64_t tq_board_measure(tq_board_function function, const void *argument) {
  uint64_t before = tick_cycles();
  uint64_t reading = tq_timed_call(function, argument, counter());
  return cycles(reading, tick_cycles() - before) - read_cost;
}
