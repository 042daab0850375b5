/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_FULLY_CONNECTED_H
#define STAND_IN_FULLY_CONNECTED_H

#include "tensorflow/lite/micro/micro_common.h"

namespace tflite {

TFLMRegistration Register_FULLY_CONNECTED();
#ifdef CMSIS_NN
TFLMRegistration Register_FULLY_CONNECTED_INT8();
#else
inline TFLMRegistration Register_FULLY_CONNECTED_INT8() { return Register_FULLY_CONNECTED(); }
#endif
TFLMRegistration Register_FULLY_CONNECTED_INT16();
TFLMRegistration Register_RESHAPE();
TFLMRegistration Register_VARIABLES();

}  // namespace tflite

#endif
