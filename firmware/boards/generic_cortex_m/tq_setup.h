/* What a user's `setup = "file.c"` defines. */
#ifndef TQ_SETUP_H
#define TQ_SETUP_H

/* Runs right after reset, before variables have their values: stop a watchdog, turn on a memory. */
void tq_setup(void);

#endif /* TQ_SETUP_H */
