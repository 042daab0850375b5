/* What emulators of the RX get wrong without a word, tried out before the first measurement. */
#ifndef TQ_SELF_TEST_H
#define TQ_SELF_TEST_H

/* Returns what is wrong, as a line for the log; NULL when nothing is. */
const char *tq_self_test(void);

#endif /* TQ_SELF_TEST_H */
