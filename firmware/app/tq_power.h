/* Windows for a power meter; only images of boards that measure energy have them. */
#ifndef TQ_POWER_H
#define TQ_POWER_H

#include <stdint.h>

#include "tq_board.h"

enum { TQ_POWER_WINDOWS = 5 };

/*
 * Marks the windows on the console: in each the core first idles, then calls run() over and over.
 * Both take at least `counts` of the board's unit, and run() is called once at least.
 */
void tq_power_windows(void (*run)(void), uint32_t counts);

#endif /* TQ_POWER_H */
