/* Variables that models share between their parts, and operators that run other operators. */
#ifndef TQ_KERNELS_CONTROL_H
#define TQ_KERNELS_CONTROL_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * READ_VARIABLE and ASSIGN_VARIABLE are tq_copy from and to memory that lasts, VAR_HANDLE is a name
 * for it. The lists below are arrays of tq_op (tq_engine.h).
 */

/* CALL_ONCE: runs a list if `*done` is 0, and sets it. It is part of the model's state. */
typedef struct tq_call_once_params {
  uint8_t *done;
  const void *ops;
  int32_t op_count;
} tq_call_once_params;

TQ_KERNEL void tq_call_once(const void *params);

/* IF: runs one of two lists, each of which fills the outputs. */
typedef struct tq_if_params {
  const uint8_t *condition;
  const void *then_ops;
  const void *else_ops;
  int32_t then_op_count;
  int32_t else_op_count;
} tq_if_params;

TQ_KERNEL void tq_if(const void *params);

/*
 * WHILE: `first_ops` copy the inputs to the outputs, `condition_ops` compute `*condition` from the
 * outputs, `body_ops` the next outputs from the last ones.
 */
typedef struct tq_while_params {
  const uint8_t *condition;
  const void *first_ops;
  const void *condition_ops;
  const void *body_ops;
  int32_t first_op_count;
  int32_t condition_op_count;
  int32_t body_op_count;
} tq_while_params;

TQ_KERNEL void tq_while(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_CONTROL_H */
