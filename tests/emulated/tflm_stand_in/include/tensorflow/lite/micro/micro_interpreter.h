/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_MICRO_INTERPRETER_H
#define STAND_IN_MICRO_INTERPRETER_H

#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_common.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

class MicroOpResolver {
 public:
  TFLMRegistration registrations[8];
  unsigned int count = 0;
};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena,
                   size_t arena_size, MicroResourceVariables *variables = nullptr);
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, MicroAllocator *allocator,
                   MicroResourceVariables *variables = nullptr);
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
  MicroResourceVariables *variables_;
#ifndef TF_LITE_STATIC_MEMORY
  /* Without the macro the real library's structures have other members, too. */
  void *unused_[16];
#endif
  TfLiteContext context_;
};

}  // namespace tflite

#endif
