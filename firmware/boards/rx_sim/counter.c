/*
 * The simulator adds up cycles by its model of the RX600's pipeline, caches and wait states not
 * among it, and shows the sum in two registers of 16 bits.
 */
#include "tq_counter.h"

#include <stddef.h>

/* RX Family User's Manual: Software, instruction cycles: 1 for SUB, 3 for a branch taken. */
enum { CYCLES_PER_PASS = 4, PASSES = 20000, HALF = 0x8000 };

const char tq_board_unit[] = "cycles";

static uint32_t own_cost;

/* Where the lower half ran over between the readings, the upper one is that beside it. */
static uint32_t cycles(const tq_reading *reading) {
  uint16_t high = reading->low < HALF ? reading->high_again : reading->high;
  return (uint32_t)high << 16 | reading->low;
}

bool tq_board_counter_is_exact(void) {
  tq_reading nothing;
  tq_timed_nothing(tq_known_loop, NULL, &nothing);
  own_cost = cycles(&nothing);
  const uint32_t once = PASSES, twice = 2 * PASSES;
  return tq_board_measure(tq_known_loop, &twice) - tq_board_measure(tq_known_loop, &once) ==
         (uint64_t)CYCLES_PER_PASS * PASSES;
}

uint64_t tq_board_measure(tq_board_function function, const void *argument) {
  tq_reading reading;
  tq_timed_call(function, argument, &reading);
  return cycles(&reading) - own_cost;
}
