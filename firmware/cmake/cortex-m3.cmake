# Toolchain file: Cortex-M3.
set(TQ_CPU_FLAGS "-mcpu=cortex-m3 -mthumb -mfloat-abi=soft")
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake")
