/* Clock tree of the STM32L4R5. */
#ifndef TQ_CLOCK_H
#define TQ_CLOCK_H

#include <stdbool.h>

/* Starts HSI16, from which everything else here runs; returns whether it did. */
bool tq_clock_start_hsi16(void);

/*
 * Raises the core from the 4 MHz after reset to 120 MHz, with the flash accelerator on. Returns
 * what went wrong, as a line for the log, and NULL when nothing did.
 */
const char *tq_clock_to_120_mhz(void);

#endif /* TQ_CLOCK_H */
