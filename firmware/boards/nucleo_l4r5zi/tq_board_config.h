/* How measurements are made on this board. */
#ifndef TQ_BOARD_CONFIG_H
#define TQ_BOARD_CONFIG_H

/* Runs in a row of which the median counts: cycles scatter. */
#define TQ_BOARD_REPEATS 10

#endif /* TQ_BOARD_CONFIG_H */
