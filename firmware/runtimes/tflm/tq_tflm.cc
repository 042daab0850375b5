/*
 * TensorFlow Lite Micro behind the engine's interface: tq_invoke() is one Invoke() of a
 * MicroInterpreter. Only its public headers are used; tq_tflm_ops.h is generated for each model.
 */
#include <cstdarg>
#include <cstdio>
#include <new>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tq_tflm_ops.h"
#if TQ_TFLM_VARIABLES > 0
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#endif

/* The port's headers are C. */
#define _Noreturn [[noreturn]]
extern "C" {
#include "tq_board.h"
#include "tq_engine.h"
#include "tq_protocol.h"
#include "tq_runtime.h"

extern const uint8_t tq_tflm_model[];
extern uint8_t tq_arena[];
extern tq_buffer tq_tflm_inputs[];
extern tq_buffer tq_tflm_outputs[];

const tq_op *volatile tq_last_op;
}

namespace {

/*
 * What each operator costs, in the order of their calls. The registrations themselves are wrapped:
 * a library built for release has no profiler. Operators of inner subgraphs belong to the one that
 * runs them.
 */
uint64_t counts[TQ_TFLM_OPS];
uint32_t events;
uint32_t depth;

using InvokeFunction = TfLiteStatus (*)(TfLiteContext *, TfLiteNode *);
InvokeFunction originals[TQ_TFLM_KINDS];

template <int kind>
TfLiteStatus timed(TfLiteContext *context, TfLiteNode *node) {
  const uint32_t event = events;
  if (depth++ == 0) {
    events++;
  }
  const uint64_t begin = tq_board_now();
  TfLiteStatus status = originals[kind](context, node);
  const uint64_t count = tq_board_since(begin);
  if (--depth == 0 && event < TQ_TFLM_OPS) {
    counts[event] = count;
  }
  return status;
}

using Resolver = tflite::MicroMutableOpResolver<TQ_TFLM_KINDS>;

/* Built when first used: start-up runs no constructors. */
alignas(Resolver) uint8_t resolver_memory[sizeof(Resolver)];
alignas(tflite::MicroInterpreter) uint8_t interpreter_memory[sizeof(tflite::MicroInterpreter)];

Resolver *resolver;
tflite::MicroInterpreter *interpreter;

[[noreturn]] void refuse(const char *call) {
  /* pytest_tinyquant/boards/run_record.py waits for this line. */
  tq_board_put('\n');
  tq_protocol_log(call);
  tq_finished();
}

/* The interpreter's nodes refer to the resolver's registrations, so that they can be wrapped late.
 */
template <int kind>
void wrap() {
  if constexpr (kind < TQ_TFLM_KINDS) {
    auto *registration = const_cast<TFLMRegistration *>(tq_tflm_find(*resolver, kind));
    originals[kind] = registration->invoke;
    registration->invoke = timed<kind>;
    wrap<kind + 1>();
  }
}

void start() {
  resolver = new (resolver_memory) Resolver();
  if (!tq_tflm_register(*resolver)) {
    refuse("tflm refused: MicroMutableOpResolver");
  }
  const tflite::Model *model = tflite::GetModel(tq_tflm_model);
#if TQ_TFLM_VARIABLES > 0
  tflite::MicroAllocator *allocator = tflite::MicroAllocator::Create(tq_arena, TQ_TFLM_ARENA_BYTES);
  interpreter = new (interpreter_memory) tflite::MicroInterpreter(
      model, *resolver, allocator,
      tflite::MicroResourceVariables::Create(allocator, TQ_TFLM_VARIABLES));
#else
  interpreter = new (interpreter_memory)
      tflite::MicroInterpreter(model, *resolver, tq_arena, TQ_TFLM_ARENA_BYTES);
#endif
  if (interpreter->AllocateTensors() != kTfLiteOk) {
    refuse("tflm refused: AllocateTensors");
  }
  for (uint32_t i = 0; i < TQ_TFLM_INPUTS; i++) {
    tq_tflm_inputs[i].data = interpreter->input(i)->data.raw;
  }
  for (uint32_t i = 0; i < TQ_TFLM_OUTPUTS; i++) {
    tq_tflm_outputs[i].data = interpreter->output(i)->data.raw;
  }
}

}  // namespace

extern "C" void tq_clear_state(const tq_model *) {
#ifdef TQ_TFLM_STEPS
  /* Of the samples of a sequence, only the first finds the memory empty. */
  static uint32_t calls;
  const uint32_t call = calls++;
  if (call < TQ_TFLM_SAMPLES && call % TQ_TFLM_STEPS != 0) {
    return;
  }
#endif
  if (interpreter == nullptr) {
    start();
  } else if (interpreter->Reset() != kTfLiteOk) {
    refuse("tflm refused: Reset");
  }
}

extern "C" void tq_invoke(const tq_model *) {
  if (interpreter->Invoke() != kTfLiteOk) {
    refuse("tflm refused: Invoke");
  }
}

/* The last run: from here on every call of an operator costs a little more. */
extern "C" void tq_runtime_profile(const tq_model *model) {
  wrap<0>();
  tq_invoke(model);
  if (events != TQ_TFLM_OPS) {
    refuse("tflm refused: Invoke, as it ran another number of operators than the model has");
  }
}

extern "C" uint64_t tq_runtime_count(const tq_model *, uint32_t index) { return counts[index]; }

extern "C" void tq_runtime_report(void) {
  tq_protocol_begin("ARENA ");
  tq_protocol_decimal(interpreter->arena_used_bytes());
  tq_protocol_end();
}

/* What its error messages go to; the library's own would write to nowhere. */
extern "C" void DebugLog(const char *format, va_list arguments) {
  char text[256];
  int length = vsnprintf(text, sizeof text, format, arguments);
  for (int i = 0; i < length && i < (int)sizeof text - 1; i++) {
    if (text[i] != '\r') {
      tq_board_put(text[i]);
    }
  }
}

extern "C" int DebugVsnprintf(char *buffer, size_t size, const char *format, va_list arguments) {
  return vsnprintf(buffer, size, format, arguments);
}

extern "C" int DebugLogVsnprintf(char *buffer, size_t size, const char *format, va_list arguments) {
  return vsnprintf(buffer, size, format, arguments);
}

/* The C library's printing would take memory from a heap if there were one. */
extern "C" void *_sbrk(ptrdiff_t) { return reinterpret_cast<void *>(-1); }

/* Nothing here is ever deleted, but destructors refer to it. */
void operator delete(void *) noexcept {}
void operator delete(void *, size_t) noexcept {}
