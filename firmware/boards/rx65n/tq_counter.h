/* Core cycles, from the multi-function timer unit. */
#ifndef TQ_COUNTER_H
#define TQ_COUNTER_H

#include <stdint.h>

#include "tq_board.h"

void tq_counter_init(void);

/*
 * The counter before function(argument) in the low half of the result, after it in the high half.
 * Between the two readings of *counter there is nothing but the call.
 */
uint64_t tq_timed_call(tq_board_function function, const void *argument, uint32_t counter);

/* The same around nothing. */
uint64_t tq_timed_nothing(uint32_t counter);

/*
 * TQ_KNOWN_LOOP_ADDS additions, a subtraction and a branch in each of *iterations passes; longer
 * than what the ROM delivers at a time, so that its wait cycles and cache show.
 */
void tq_known_loop(const void *iterations);

#define TQ_KNOWN_LOOP_ADDS 32

#endif /* TQ_COUNTER_H */
