/*
 * The ahead-of-time inference engine: what a generated model looks like and how to run it.
 *
 * The Python side (pytest_tinyquant/engine) emits one `tq_model` per network: a table of kernel
 * calls in execution order, every pointer resolved by the linker. There is no parser, allocator
 * or interpreter at run time.
 */
#ifndef TQ_ENGINE_H
#define TQ_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs one operator; `params` points to the kernel's own parameter struct (tq_kernels.h). */
typedef void (*tq_kernel)(const void *params);

typedef struct tq_op {
  tq_kernel kernel;
  const void *params;
} tq_op;

/* A model input or output: where it lies in the arena, and its size in bytes. */
typedef struct tq_buffer {
  void *data;
  uint32_t bytes;
} tq_buffer;

/* What a model remembers between inferences: memory in the arena, and each byte of it at first. */
typedef struct tq_state {
  void *data;
  uint32_t bytes;
  uint8_t value;
} tq_state;

typedef struct tq_model {
  const tq_op *ops;
  const tq_buffer *inputs;
  const tq_buffer *outputs;
  const tq_state *states;
  uint16_t op_count;
  uint16_t input_count;
  uint16_t output_count;
  uint16_t state_count;
} tq_model;

/* The operator that tq_invoke() entered last; read by the debugger after a fault. */
extern const tq_op *volatile tq_last_op;

/*
 * Makes a model with state forget what it saw. Call it once before the first tq_invoke(), and
 * whenever a new sequence begins; it does nothing to models without state.
 */
void tq_clear_state(const tq_model *model);

/*
 * Runs the model once. The caller has filled the input buffers; they may be overwritten, since
 * the arena planner reuses an input's memory after its last reader.
 */
void tq_invoke(const tq_model *model);

#ifdef __cplusplus
}
#endif

#endif /* TQ_ENGINE_H */
