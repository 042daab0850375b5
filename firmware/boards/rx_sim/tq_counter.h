/* Cycles of the simulator's model of the core. */
#ifndef TQ_COUNTER_H
#define TQ_COUNTER_H

#include <stddef.h>

#include "tq_board.h"

/* Readings of the counter: its upper half, its lower half, and the upper half again. */
typedef struct tq_reading {
  uint16_t high;
  uint16_t low;
  uint16_t high_again;
} tq_reading;

_Static_assert(offsetof(tq_reading, high) == 0, "timed_call.S");
_Static_assert(offsetof(tq_reading, low) == 2, "timed_call.S");
_Static_assert(offsetof(tq_reading, high_again) == 4, "timed_call.S");

/* Sets the counter to 0, calls function(argument) and reads the counter. */
void tq_timed_call(tq_board_function function, const void *argument, tq_reading *reading);

/* The same around nothing. */
void tq_timed_nothing(tq_board_function function, const void *argument, tq_reading *reading);

/* A subtraction and a branch in each of *iterations passes. */
void tq_known_loop(const void *iterations);

#endif /* TQ_COUNTER_H */
