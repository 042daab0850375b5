/* How measurements are made on this board, and where its parts are. */
#ifndef TQ_BOARD_CONFIG_H
#define TQ_BOARD_CONFIG_H

/* Every run takes the same number of instructions: no further runs, and no clock to check. */
#define TQ_BOARD_REPEATS 0

#define TQ_CMSDK_UART 0x40004000u
#define TQ_CMSDK_TIMERS 0x40000000u

/* 16 ticks of 25 MHz are 5 instructions of 128 ns. */
#define TQ_TICKS_MULTIPLE 16u
#define TQ_TICKS_DIVISOR 5u

#endif /* TQ_BOARD_CONFIG_H */
