/* Stand-in written for the tests of the adapter; see the README beside it. */
#ifndef STAND_IN_SCHEMA_GENERATED_H
#define STAND_IN_SCHEMA_GENERATED_H

namespace tflite {

enum BuiltinOperator {
  BuiltinOperator_FULLY_CONNECTED,
  BuiltinOperator_RESHAPE,
  BuiltinOperator_VAR_HANDLE,
  BuiltinOperator_READ_VARIABLE,
};

struct Model {
  char bytes[8];
};

inline const Model *GetModel(const void *buffer) { return static_cast<const Model *>(buffer); }

}  // namespace tflite

#endif
