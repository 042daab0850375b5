/* The GNU simulator of the RX600: console on its SCI4, no other peripheral but a cycle counter. */
#include "tq_board.h"

#define SCI4_TDR (*(volatile uint8_t *)0x88263u)

void tq_board_init(void) {}

/* The simulator takes a character at once. It would end at two of value 3 in a row. */
void tq_board_put(char character) { SCI4_TDR = (uint8_t)character; }
