/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_MICRO_COMMON_H
#define STAND_IN_MICRO_COMMON_H

#include <cstddef>
#include <cstdint>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  union {
    char *raw;
  } data;
};

struct TfLiteContext {
  TfLiteTensor input;
  TfLiteTensor output;
};

struct TfLiteNode {};

struct TFLMRegistration {
  TfLiteStatus (*invoke)(TfLiteContext *context, TfLiteNode *node);
  const char *name;
  int32_t builtin_code;
  const char *custom_name;
};

#ifndef TF_LITE_STRIP_ERROR_STRINGS
void MicroPrintf(const char *format, ...);
#endif

#endif
