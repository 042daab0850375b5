/* Tables that do not depend on the model. */
#ifndef TQ_TABLES_H
#define TQ_TABLES_H

#include <stdint.h>

/* exp(x) in Q0.15 for x in [-10, 0], for tq_interpolate_s16(). */
extern const int16_t tq_exp_table_s16[513];

/* 1 / (1 + x) in Q0.15 for x in [0, 1], for tq_interpolate_s16(). */
extern const int16_t tq_one_over_one_plus_x_table_s16[513];

/* sigmoid(i / 24) in Q0.16. */
extern const uint16_t tq_sigmoid_table_s16[256];

#endif /* TQ_TABLES_H */
