/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_MICRO_INTERPRETER_H
#define STAND_IN_MICRO_INTERPRETER_H

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  union {
    char *raw;
  } data;
};

namespace tflite {

class MicroResourceVariables;

class MicroOpResolver {
 public:
  unsigned int count = 0;
  const char *registered = "";
};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena,
                   size_t arena_size, MicroResourceVariables *variables = nullptr,
                   MicroProfilerInterface *profiler = nullptr);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus Reset();
  TfLiteTensor *input(size_t index);
  TfLiteTensor *output(size_t index);
  size_t arena_used_bytes() const;

 private:
  const MicroOpResolver &resolver_;
  uint8_t *arena_;
  size_t arena_size_;
  MicroProfilerInterface *profiler_;
  TfLiteTensor input_;
  TfLiteTensor output_;
};

}  // namespace tflite

#endif
