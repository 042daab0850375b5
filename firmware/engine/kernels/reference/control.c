/* CALL_ONCE, IF and WHILE */
#include "tq_reference.h"

#include "tq_engine.h"

static void run(const void *ops, int32_t count) {
  const tq_op *op = ops;
  for (int32_t i = 0; i < count; ++i) {
    op[i].kernel(op[i].params);
  }
}

void tq_call_once(const void *params) {
  const tq_call_once_params *p = params;
  if (!*p->done) {
    run(p->ops, p->op_count);
    *p->done = 1;
  }
}

void tq_if(const void *params) {
  const tq_if_params *p = params;
  if (*p->condition) {
    run(p->then_ops, p->then_op_count);
  } else {
    run(p->else_ops, p->else_op_count);
  }
}

void tq_while(const void *params) {
  const tq_while_params *p = params;
  run(p->first_ops, p->first_op_count);
  run(p->condition_ops, p->condition_op_count);
  while (*p->condition) {
    run(p->body_ops, p->body_op_count);
    run(p->condition_ops, p->condition_op_count);
  }
}
