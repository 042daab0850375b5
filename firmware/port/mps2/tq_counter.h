/* Executed instructions, from QEMU's virtual time. */
#ifndef TQ_COUNTER_H
#define TQ_COUNTER_H

void tq_counter_init(void);

#endif /* TQ_COUNTER_H */
