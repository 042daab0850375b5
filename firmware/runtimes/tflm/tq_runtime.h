/* What the app asks of the runtime beyond tq_engine.h: here, of TensorFlow Lite Micro. */
#ifndef TQ_RUNTIME_H
#define TQ_RUNTIME_H

#include <stdint.h>

#include "tq_engine.h"

/* Runs the model once more with a profiler, which keeps the counts of all operators. */
void tq_runtime_profile(const tq_model *model);

/* Cost of one operator, from the profiler's begin to its end. */
uint64_t tq_runtime_count(const tq_model *model, uint32_t index);

/* Prints the bytes that the interpreter used of its arena. */
void tq_runtime_report(void);

#endif /* TQ_RUNTIME_H */
