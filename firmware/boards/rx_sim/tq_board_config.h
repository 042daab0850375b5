/* How measurements are made on this board. */
#ifndef TQ_BOARD_CONFIG_H
#define TQ_BOARD_CONFIG_H

/* The model of the core gives the same number of cycles in every run. */
#define TQ_BOARD_REPEATS 0

#endif /* TQ_BOARD_CONFIG_H */
