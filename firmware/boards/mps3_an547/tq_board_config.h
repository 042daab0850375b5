/* How measurements are made on this board, and where its parts are. */
#ifndef TQ_BOARD_CONFIG_H
#define TQ_BOARD_CONFIG_H

/* Every run takes the same number of instructions: no further runs, and no clock to check. */
#define TQ_BOARD_REPEATS 0

/* The secure aliases: the core starts in Secure state and stays there. */
#define TQ_CMSDK_UART 0x59303000u
#define TQ_SYSTEM_COUNTER 0x58100000u

/* 512 ticks of 32 MHz are 125 instructions of 128 ns. */
#define TQ_TICKS_MULTIPLE 512u
#define TQ_TICKS_DIVISOR 125u

#endif /* TQ_BOARD_CONFIG_H */
