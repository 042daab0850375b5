/* What the app asks of the runtime beyond tq_engine.h: here, of TensorFlow Lite Micro. */
#ifndef TQ_RUNTIME_H
#define TQ_RUNTIME_H

#include <stdint.h>

#include "tq_engine.h"

/* Runs the model once more with every operator measured; the inputs are set. */
void tq_runtime_profile(const tq_model *model);

/* Cost of one operator: of the call of its registration's function. */
uint64_t tq_runtime_count(const tq_model *model, uint32_t index);

/* Prints the bytes that the interpreter used of its arena. */
void tq_runtime_report(void);

#endif /* TQ_RUNTIME_H */
