/* How measurements are made on this board, and where its parts are. */
#ifndef TQ_BOARD_CONFIG_H
#define TQ_BOARD_CONFIG_H

/* Every run takes the same number of instructions: no further runs, and no clock to check. */
#define TQ_BOARD_REPEATS 0

/* The secure aliases: the core starts in Secure state and stays there. */
#define TQ_CMSDK_UART 0x50200000u
#define TQ_CMSDK_TIMERS 0x50000000u

/* 64 ticks of 20 MHz are 25 instructions of 128 ns. */
#define TQ_TICKS_MULTIPLE 64u
#define TQ_TICKS_DIVISOR 25u

#endif /* TQ_BOARD_CONFIG_H */
