# Toolchain file: Cortex-M0+.
set(TQ_CPU_FLAGS "-mcpu=cortex-m0plus -mthumb -mfloat-abi=soft")
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake")
