/* How measurements are made on any Cortex-M. */
#ifndef TQ_BOARD_CONFIG_H
#define TQ_BOARD_CONFIG_H

/* Runs in a row of which the median counts: cycles scatter. */
#define TQ_BOARD_REPEATS 10

/* The clock is the one that the chip has after reset; nothing is known to compare it with. */
#define TQ_BOARD_UNKNOWN_CLOCK 1

#endif /* TQ_BOARD_CONFIG_H */
