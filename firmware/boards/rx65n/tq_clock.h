/* Clocks of the RX65N. */
#ifndef TQ_CLOCK_H
#define TQ_CLOCK_H

#include <stdint.h>

/*
 * Raises the core from the 240 kHz after reset to 120 MHz, with the ROM cache on. Returns what went
 * wrong, as a line for the log, and NULL when nothing did.
 */
const char *tq_clock_to_120_mhz(void);

/* Lets the module run whose bit in a module stop register this is. */
void tq_clock_start_module(uint32_t module_stop_register, uint32_t bit);

#endif /* TQ_CLOCK_H */
