/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_MICRO_RESOURCE_VARIABLE_H
#define STAND_IN_MICRO_RESOURCE_VARIABLE_H

#include "tensorflow/lite/micro/micro_allocator.h"

namespace tflite {

class MicroResourceVariables {
 public:
  static MicroResourceVariables *Create(MicroAllocator *allocator, int count);
  int count;
};

}  // namespace tflite

#endif
