/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H
#define STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H

#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

struct TFLMRegistration {
  const char *name;
};

inline TFLMRegistration Register_FULLY_CONNECTED() { return {"any"}; }
inline TFLMRegistration Register_FULLY_CONNECTED_INT8() { return {"int8"}; }
inline TFLMRegistration Register_FULLY_CONNECTED_INT16() { return {"int16"}; }

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddFullyConnected(
      const TFLMRegistration &registration = Register_FULLY_CONNECTED()) {
    return Add(registration.name);
  }
  TfLiteStatus AddReshape() { return Add("any"); }

 private:
  TfLiteStatus Add(const char *name) {
    if (count >= tOpCount) {
      return kTfLiteError;
    }
    registered = name;
    count++;
    return kTfLiteOk;
  }
};

}  // namespace tflite

#endif
