/*
 * Stand-in written for the tests of the adapter; see the README beside it. STAND_IN_REFUSES makes
 * AllocateTensors fail with a message, STAND_IN_WRONG makes Invoke compute nonsense and say OK,
 * STAND_IN_SLOW makes it copy everything twice, STAND_IN_ASSERTS makes an assertion fail.
 * STAND_IN_BYTES are those of its tensors, STAND_IN_ARENA those that it uses of the arena.
 * TF_LITE_STRIP_ERROR_STRINGS is that of the real library: without words.
 */
#include <cstdarg>

#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

extern "C" void DebugLog(const char *format, va_list arguments);

#ifndef STAND_IN_BYTES
#define STAND_IN_BYTES 64
#endif
#ifndef STAND_IN_ARENA
#define STAND_IN_ARENA 1234
#endif

#ifdef TF_LITE_STRIP_ERROR_STRINGS
#define PRINT(...)
#else
#define PRINT(...) MicroPrintf(__VA_ARGS__)
void MicroPrintf(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  DebugLog(format, arguments);
  va_end(arguments);
  va_start(arguments, format);
  DebugLog("\r\n", arguments);
  va_end(arguments);
}
#endif

/* As the real library has it only without the macro. */
#ifndef TF_LITE_STATIC_MEMORY
extern "C" TfLiteStatus TfLiteTensorRealloc(size_t, TfLiteTensor *) { return kTfLiteError; }
#endif

namespace {

#ifdef STAND_IN_SLOW
constexpr int kCopies = 2;
#else
constexpr int kCopies = 1;
#endif

TfLiteStatus Copy(TfLiteContext *context, TfLiteNode *) {
  for (size_t n = 0; n < STAND_IN_BYTES * kCopies; n++) {
    const size_t i = n % STAND_IN_BYTES;
#ifdef STAND_IN_WRONG
    context->output.data.raw[i] = (char)(context->input.data.raw[i] ^ 0x55);
#else
    context->output.data.raw[i] = context->input.data.raw[i];
#endif
  }
  return kTfLiteOk;
}

tflite::MicroAllocator allocator;
tflite::MicroResourceVariables variables;

}  // namespace

namespace tflite {

TFLMRegistration Register_FULLY_CONNECTED() { return {Copy, "any", 0, nullptr}; }
#ifdef CMSIS_NN
TFLMRegistration Register_FULLY_CONNECTED_INT8() { return {Copy, "int8", 0, nullptr}; }
#endif
TFLMRegistration Register_FULLY_CONNECTED_INT16() { return {Copy, "int16", 0, nullptr}; }
TFLMRegistration Register_RESHAPE() { return {Copy, "any", 0, nullptr}; }
TFLMRegistration Register_VARIABLES() { return {Copy, "any", 0, nullptr}; }

MicroAllocator *MicroAllocator::Create(uint8_t *arena, size_t arena_size) {
  allocator.arena = arena;
  allocator.arena_size = arena_size;
  return &allocator;
}

MicroResourceVariables *MicroResourceVariables::Create(MicroAllocator *, int count) {
  variables.count = count;
  return &variables;
}

MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &resolver,
                                   uint8_t *arena, size_t arena_size,
                                   MicroResourceVariables *variables)
    : resolver_(resolver),
      arena_(arena),
      arena_size_(model->bytes[4] == 'T' && model->bytes[5] == 'F' ? arena_size : 0),
      variables_(variables) {}

MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &resolver,
                                   MicroAllocator *allocator, MicroResourceVariables *variables)
    : MicroInterpreter(model, resolver, allocator->arena, allocator->arena_size, variables) {}

TfLiteStatus MicroInterpreter::AllocateTensors() {
#ifdef STAND_IN_REFUSES
  PRINT("%s was not true.", STAND_IN_REFUSES);
  PRINT("Node %s (number %d) failed to prepare with status %d", resolver_.registrations[0].name, 0,
        1);
  return kTfLiteError;
#endif
  for (unsigned int i = 0; i < resolver_.count; i++) {
    if (resolver_.registrations[i].builtin_code == BuiltinOperator_VAR_HANDLE &&
        (variables_ == nullptr || variables_->count < 1)) {
      PRINT("VAR_HANDLE requires resource variables. Please create ResourceVariables");
      return kTfLiteError;
    }
  }
  if (arena_size_ < STAND_IN_ARENA || arena_size_ < 2 * STAND_IN_BYTES) {
    PRINT("Failed to allocate tail memory. Requested: %u, available %u", STAND_IN_ARENA,
          (unsigned int)arena_size_);
    return kTfLiteError;
  }
  context_.input.data.raw = reinterpret_cast<char *>(arena_);
  context_.output.data.raw = reinterpret_cast<char *>(arena_) + STAND_IN_BYTES;
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Invoke() {
#ifdef STAND_IN_ASSERTS
  PRINT("stand_in.cc:123 tensor != nullptr was not true.");
  PRINT("HALTED");
  for (;;) {
  }
#endif
  TfLiteNode node;
  for (unsigned int i = 0; i < resolver_.count; i++) {
    if (resolver_.registrations[i].invoke(&context_, &node) != kTfLiteOk) {
      return kTfLiteError;
    }
  }
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Reset() { return kTfLiteOk; }

TfLiteTensor *MicroInterpreter::input(size_t) { return &context_.input; }

TfLiteTensor *MicroInterpreter::output(size_t) { return &context_.output; }

size_t MicroInterpreter::arena_used_bytes() const { return STAND_IN_ARENA; }

}  // namespace tflite
