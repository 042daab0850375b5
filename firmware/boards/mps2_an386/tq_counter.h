/* Executed instructions, from QEMU's virtual time. */
#ifndef TQ_COUNTER_H
#define TQ_COUNTER_H

#include <stdint.h>

#include "tq_board.h"

void tq_counter_init(void);

/*
 * The counter before the call in the low half of the result, after it in the high half. Between the
 * two loads of *counter there is nothing but the call (timed_call.S).
 */
uint64_t tq_timed_call(tq_board_function function, const void *argument,
                       volatile uint32_t *counter);

/* The same around a loop of exactly 2 * iterations instructions; nothing for 0 iterations. */
uint64_t tq_timed_loop(uint32_t iterations, volatile uint32_t *counter);

#endif /* TQ_COUNTER_H */
