/* Readings of a 32-bit counter right before and right after a stretch of code (timed_call.S). */
#ifndef TQ_TIMED_CALL_H
#define TQ_TIMED_CALL_H

#include <stdint.h>

#include "tq_board.h"

/*
 * The counter before the call in the low half of the result, after it in the high half. Between the
 * two loads of *counter there is nothing but the call.
 */
uint64_t tq_timed_call(tq_board_function function, const void *argument,
                       volatile uint32_t *counter);

/* The same around a loop of exactly 2 * iterations instructions; nothing for 0 iterations. */
uint64_t tq_timed_loop(uint32_t iterations, volatile uint32_t *counter);

#endif /* TQ_TIMED_CALL_H */
