# Toolchain file: Cortex-M4 with FPU.
set(TQ_CPU_FLAGS "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16")
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake")
