/* Core cycles, from the DWT or the SysTick. */
#ifndef TQ_COUNTER_H
#define TQ_COUNTER_H

/* Returns what is wrong, NULL if nothing is. */
const char *tq_counter_init(void);

#endif /* TQ_COUNTER_H */
