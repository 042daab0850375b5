/* How measurements are made on this board. */
#ifndef TQ_BOARD_CONFIG_H
#define TQ_BOARD_CONFIG_H

/* Every run takes the same number of instructions: no further runs, and no clock to check. */
#define TQ_BOARD_REPEATS 0

#endif /* TQ_BOARD_CONFIG_H */
