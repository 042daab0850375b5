/* Core cycles, from the DWT. */
#ifndef TQ_COUNTER_H
#define TQ_COUNTER_H

/* Starts the counters; returns what is wrong with them, NULL when nothing is. */
const char *tq_counter_init(void);

/*
 * Exactly TQ_KNOWN_LOOP_ADDS additions, a subtraction and a branch in each of *iterations passes;
 * longer than what the flash delivers at a time, so that its wait states and caches show.
 */
void tq_known_loop(const void *iterations);

#define TQ_KNOWN_LOOP_ADDS 32

#endif /* TQ_COUNTER_H */
