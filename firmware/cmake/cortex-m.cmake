# What all Cortex-M toolchain files share: arm-none-eabi-gcc and newlib-nano. TQ_CPU_FLAGS names the core.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(TQ_TOOL_PREFIX "arm-none-eabi-" CACHE STRING "Path and prefix of the compiler's programs")
set(CMAKE_C_COMPILER "${TQ_TOOL_PREFIX}gcc")
set(CMAKE_ASM_COMPILER "${TQ_TOOL_PREFIX}gcc")
set(CMAKE_AR "${TQ_TOOL_PREFIX}ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${TQ_TOOL_PREFIX}ranlib" CACHE FILEPATH "")

# -fno-store-merging: of the stores of neighbouring bytes GCC would make an unaligned one, which
# faults (startup.c). -mno-unaligned-access would also take LDRD away, which is always aligned.
# The compiler is known: testing it would take longer than building an image.
set(CMAKE_CXX_COMPILER "${TQ_TOOL_PREFIX}g++")
foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_FORCED TRUE)
  set(CMAKE_${language}_COMPILER_ID GNU)
  set(CMAKE_${language}_COMPILER_ID_RUN TRUE)
  set(CMAKE_${language}_FLAGS_INIT
      "${TQ_CPU_FLAGS} -fno-store-merging")
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles --specs=nano.specs")

# Sources that every board of this kind shares.
set(TQ_PORT "cortex_m")
