# Toolchain file: Cortex-M55. Float stays scalar: vectors flush subnormal numbers to zero.
set(TQ_CPU_FLAGS "-mcpu=cortex-m55+nomve.fp -mthumb -mfloat-abi=hard")
include("${CMAKE_CURRENT_LIST_DIR}/cortex-m.cmake")
