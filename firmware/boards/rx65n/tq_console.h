/* Serial console of the board, on the interface that tq_board_config.h names. */
#ifndef TQ_CONSOLE_H
#define TQ_CONSOLE_H

#include <stdint.h>

/* `pclkb_hz` is PCLKB's frequency now, so that a clock that did not start can still be reported. */
void tq_console_init(uint32_t pclkb_hz);

#endif /* TQ_CONSOLE_H */
