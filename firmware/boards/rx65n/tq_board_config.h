/* How measurements are made on this board, and how it is wired. */
#ifndef TQ_BOARD_CONFIG_H
#define TQ_BOARD_CONFIG_H

/* Runs in a row of which the median counts: cycles scatter. */
#define TQ_BOARD_REPEATS 10

/*
 * The console's serial interface; set in cflags of boards.toml, -DTQ_CONSOLE_SCI=1 for example:
 *   1  TXD1 on P26
 *   5  TXD5 on PC3
 *   8  TXD8 on PC7
 */
#ifndef TQ_CONSOLE_SCI
#define TQ_CONSOLE_SCI 8
#endif

/*
 * Frequency of the crystal on EXTAL and XTAL, 12000000 or 24000000; 0 runs everything from HOCO,
 * which needs no crystal.
 */
#ifndef TQ_CRYSTAL_HZ
#define TQ_CRYSTAL_HZ 0
#endif

#endif /* TQ_BOARD_CONFIG_H */
