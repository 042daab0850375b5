/*
 * Stand-in written for the tests of the adapter; see the README beside it. STAND_IN_REFUSES makes
 * AllocateTensors fail with a message, STAND_IN_WRONG makes Invoke compute nonsense and say OK,
 * STAND_IN_SLOW makes it copy everything twice.
 */
#include <cstdarg>

#include "tensorflow/lite/micro/micro_interpreter.h"

extern "C" void DebugLog(const char *format, va_list arguments);

namespace {

constexpr size_t kTensorBytes = 64;
constexpr size_t kUsedBytes = 1234;
#ifdef STAND_IN_SLOW
constexpr int kCopies = 2;
#else
constexpr int kCopies = 1;
#endif

#ifdef STAND_IN_REFUSES
void Print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  DebugLog(format, arguments);
  va_end(arguments);
}
#endif

}  // namespace

namespace tflite {

MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &resolver,
                                   uint8_t *arena, size_t arena_size, MicroResourceVariables *,
                                   MicroProfilerInterface *profiler)
    : resolver_(resolver),
      arena_(arena),
      arena_size_(model->bytes[4] == 'T' && model->bytes[5] == 'F' ? arena_size : 0),
      profiler_(profiler) {}

TfLiteStatus MicroInterpreter::AllocateTensors() {
#ifdef STAND_IN_REFUSES
  Print("%s was not true.", STAND_IN_REFUSES);
  Print("\r\n");
  Print("Node %s (number %d) failed to prepare with status %d\n", resolver_.registered, 0, 1);
  return kTfLiteError;
#endif
  if (arena_size_ < kUsedBytes) {
    return kTfLiteError;
  }
  input_.data.raw = reinterpret_cast<char *>(arena_);
  output_.data.raw = reinterpret_cast<char *>(arena_) + kTensorBytes;
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Invoke() {
  for (unsigned int op = 0; op < resolver_.count; op++) {
    uint32_t event = profiler_ != nullptr ? profiler_->BeginEvent("op") : 0;
    for (size_t n = 0; n < kTensorBytes * kCopies; n++) {
      const size_t i = n % kTensorBytes;
#ifdef STAND_IN_WRONG
      output_.data.raw[i] = (char)(input_.data.raw[i] ^ 0x55);
#else
      output_.data.raw[i] = input_.data.raw[i];
#endif
    }
    if (profiler_ != nullptr) {
      profiler_->EndEvent(event);
    }
  }
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Reset() { return kTfLiteOk; }

TfLiteTensor *MicroInterpreter::input(size_t) { return &input_; }

TfLiteTensor *MicroInterpreter::output(size_t) { return &output_; }

size_t MicroInterpreter::arena_used_bytes() const { return kUsedBytes; }

}  // namespace tflite
