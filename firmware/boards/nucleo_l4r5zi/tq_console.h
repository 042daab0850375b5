/* Serial console of the board: the virtual COM port of its ST-LINK. */
#ifndef TQ_CONSOLE_H
#define TQ_CONSOLE_H

/* Runs from HSI16, which has to run; whatever the core's clock is, the bit rate is right. */
void tq_console_init(void);

#endif /* TQ_CONSOLE_H */
