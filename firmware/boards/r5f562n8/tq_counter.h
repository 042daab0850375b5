/* Executed instructions, from QEMU's virtual time. */
#ifndef TQ_COUNTER_H
#define TQ_COUNTER_H

#include <stdint.h>

#include "tq_board.h"

#define TQ_REGISTER_8(address) (*(volatile uint8_t *)(address))
#define TQ_REGISTER_16(address) (*(volatile uint16_t *)(address))

void tq_counter_init(void);

/*
 * Starts the timer, calls function(argument) and waits for the end of the period in which it
 * returned. The result is the number of instructions it waited; tq_counter_periods is the number
 * of periods, 0 if the timer stands still.
 */
uint32_t tq_timed_call(tq_board_function function, const void *argument);

extern volatile uint32_t tq_counter_periods;

/* Exactly 2 * *iterations + 2 instructions, with its return; *iterations is not 0. */
void tq_known_loop(const void *iterations);

#endif /* TQ_COUNTER_H */
