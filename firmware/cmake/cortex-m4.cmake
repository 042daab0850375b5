# Toolchain file: Cortex-M4 without FPU.
set(TQ_CPU_FLAGS "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft")
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake")
