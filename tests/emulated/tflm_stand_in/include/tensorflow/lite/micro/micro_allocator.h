/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_MICRO_ALLOCATOR_H
#define STAND_IN_MICRO_ALLOCATOR_H

#include "tensorflow/lite/micro/micro_common.h"

namespace tflite {

class MicroAllocator {
 public:
  static MicroAllocator *Create(uint8_t *arena, size_t arena_size);
  uint8_t *arena;
  size_t arena_size;
};

}  // namespace tflite

#endif
