#include "tq_engine.h"

/* Not cleared at start-up: it must survive the reset that follows a fault. */
__attribute__((section(".noinit"))) const tq_op *volatile tq_last_op;

void tq_invoke(const tq_model *model) {
  const tq_op *end = model->ops + model->op_count;
  for (const tq_op *op = model->ops; op != end; ++op) {
    tq_last_op = op;
    op->kernel(op->params);
  }
}
