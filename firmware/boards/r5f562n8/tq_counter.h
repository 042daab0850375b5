/* Executed instructions, from QEMU's virtual time. */
#ifndef TQ_COUNTER_H
#define TQ_COUNTER_H

#include <stdint.h>

#include "tq_board.h"

#define TQ_REGISTER_8(address) (*(volatile uint8_t *)(address))
#define TQ_REGISTER_16(address) (*(volatile uint16_t *)(address))

void tq_counter_init(void);

/*
 * Calls function(argument) while the timers run. The result is the timer's ticks since the call
 * began or, if it was interrupted, since the last interrupt; tq_counter_periods says how often it
 * was.
 */
uint32_t tq_timed_call(tq_board_function function, const void *argument);

extern volatile uint32_t tq_counter_periods;

/* Exactly 2 * *iterations + 2 instructions, with its return; *iterations is not 0. */
void tq_known_loop(const void *iterations);

#endif /* TQ_COUNTER_H */
