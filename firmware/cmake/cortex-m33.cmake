# Toolchain file: Cortex-M33 with FPU and DSP extension.
set(TQ_CPU_FLAGS "-mcpu=cortex-m33 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16")
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake")
