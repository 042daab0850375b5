# Toolchain file: Cortex-M7 with a double-precision FPU.
set(TQ_CPU_FLAGS "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16")
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake")
