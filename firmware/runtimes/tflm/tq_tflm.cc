/*
 * TensorFlow Lite Micro behind the engine's interface: tq_invoke() is one Invoke() of a
 * MicroInterpreter. Only its public headers are used; tq_tflm_ops.h is generated for each model.
 */
#include <cstdarg>
#include <cstdio>
#include <new>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tq_tflm_ops.h"

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

class Profiler : public tflite::MicroProfilerInterface {
 public:
  uint32_t BeginEvent(const char *) override {
    begin_ = tq_board_now();
    return 0;
  }

  void EndEvent(uint32_t) override {
    uint64_t count = tq_board_since(begin_);
    if (events_ < TQ_TFLM_OPS) {
      counts_[events_] = count;
    }
    events_++;
  }

  uint32_t events() const { return events_; }
  uint64_t count(uint32_t index) const { return counts_[index]; }

 private:
  uint64_t counts_[TQ_TFLM_OPS] = {};
  uint64_t begin_ = 0;
  uint32_t events_ = 0;
};

using Resolver = tflite::MicroMutableOpResolver<TQ_TFLM_KINDS>;

/* Built when first used: start-up runs no constructors. */
alignas(Resolver) uint8_t resolver_memory[sizeof(Resolver)];
alignas(Profiler) uint8_t profiler_memory[sizeof(Profiler)];
alignas(tflite::MicroInterpreter) uint8_t interpreter_memory[sizeof(tflite::MicroInterpreter)];

Resolver *resolver;
Profiler *profiler;
tflite::MicroInterpreter *interpreter;

[[noreturn]] void refuse(const char *call) {
  /* pytest_tinyquant/boards/run_record.py waits for this line. */
  tq_board_put('\n');
  tq_protocol_log(call);
  tq_finished();
}

void start(Profiler *observer) {
  if (resolver == nullptr) {
    resolver = new (resolver_memory) Resolver();
    if (!tq_tflm_register(*resolver)) {
      refuse("tflm refused: MicroMutableOpResolver");
    }
  }
  interpreter = new (interpreter_memory) tflite::MicroInterpreter(
      tflite::GetModel(tq_tflm_model), *resolver, tq_arena, TQ_TFLM_ARENA_BYTES, nullptr, observer);
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
  if (interpreter == nullptr) {
    start(nullptr);
  } else if (interpreter->Reset() != kTfLiteOk) {
    refuse("tflm refused: Reset");
  }
}

extern "C" void tq_invoke(const tq_model *) {
  if (interpreter->Invoke() != kTfLiteOk) {
    refuse("tflm refused: Invoke");
  }
}

/* A new interpreter, as a profiler costs time; its inputs are where the first one's were. */
extern "C" void tq_runtime_profile(const tq_model *model) {
  uint8_t kept[TQ_TFLM_INPUT_BYTES];
  uint32_t offset = 0;
  for (uint32_t i = 0; i < TQ_TFLM_INPUTS; i++) {
    __builtin_memcpy(kept + offset, tq_tflm_inputs[i].data, tq_tflm_inputs[i].bytes);
    offset += tq_tflm_inputs[i].bytes;
  }
  profiler = new (profiler_memory) Profiler();
  start(profiler);
  offset = 0;
  for (uint32_t i = 0; i < TQ_TFLM_INPUTS; i++) {
    __builtin_memcpy(tq_tflm_inputs[i].data, kept + offset, tq_tflm_inputs[i].bytes);
    offset += tq_tflm_inputs[i].bytes;
  }
  tq_invoke(model);
  if (profiler->events() != TQ_TFLM_OPS) {
    refuse("tflm refused: MicroProfilerInterface, as it saw another number of operators");
  }
}

extern "C" uint64_t tq_runtime_count(const tq_model *, uint32_t index) {
  return profiler->count(index);
}

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
