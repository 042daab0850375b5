/* What the app asks of the runtime beyond tq_engine.h: here, of the engine itself. */
#ifndef TQ_RUNTIME_H
#define TQ_RUNTIME_H

#include <stdint.h>

#include "tq_board.h"
#include "tq_engine.h"

/* Prepares the counts of all operators; the engine counts them one by one when asked. */
static inline void tq_runtime_profile(const tq_model *model) { (void)model; }

/* Cost of one operator, its call and return included. */
static inline uint64_t tq_runtime_count(const tq_model *model, uint32_t index) {
  const tq_op *op = &model->ops[index];
  tq_last_op = op;
  return tq_board_measure(op->kernel, op->params);
}

/* Prints what only the runtime knows; the linker's map tells everything about the engine. */
static inline void tq_runtime_report(void) {}

#endif /* TQ_RUNTIME_H */
