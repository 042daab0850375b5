/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H
#define STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H

#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  const TFLMRegistration *FindOp(BuiltinOperator op) const {
    for (unsigned int i = 0; i < count; i++) {
      if (registrations[i].builtin_code == op && registrations[i].custom_name == nullptr) {
        return &registrations[i];
      }
    }
    return nullptr;
  }

  TfLiteStatus AddFullyConnected(
      const TFLMRegistration &registration = Register_FULLY_CONNECTED()) {
    return AddBuiltin(BuiltinOperator_FULLY_CONNECTED, registration);
  }

  TfLiteStatus AddReshape() { return AddBuiltin(BuiltinOperator_RESHAPE, Register_RESHAPE()); }

  TfLiteStatus AddVarHandle() {
    return AddBuiltin(BuiltinOperator_VAR_HANDLE, Register_VARIABLES());
  }

  TfLiteStatus AddReadVariable() {
    return AddBuiltin(BuiltinOperator_READ_VARIABLE, Register_VARIABLES());
  }

 private:
  TfLiteStatus AddBuiltin(BuiltinOperator op, const TFLMRegistration &registration) {
    if (count >= tOpCount) {
#ifndef TF_LITE_STRIP_ERROR_STRINGS
      MicroPrintf("Couldn't register builtin op #%d", op);
#endif
      return kTfLiteError;
    }
    registrations[count] = registration;
    registrations[count++].builtin_code = op;
    return kTfLiteOk;
  }
};

}  // namespace tflite

#endif
