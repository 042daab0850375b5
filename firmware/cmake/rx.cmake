# Toolchain file: Renesas RX600 with FPU, rx-elf-gcc and newlib (`tinyquant toolchain rx-elf`).
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR rx)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(TQ_TOOL_PREFIX "rx-elf-" CACHE STRING "Path and prefix of the compiler's programs")
set(CMAKE_C_COMPILER "${TQ_TOOL_PREFIX}gcc")
set(CMAKE_ASM_COMPILER "${TQ_TOOL_PREFIX}gcc")
set(CMAKE_AR "${TQ_TOOL_PREFIX}ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${TQ_TOOL_PREFIX}ranlib" CACHE FILEPATH "")

# The compiler is known: testing it would take longer than building an image.
# A string instruction moves any number of bytes and would count as one instruction.
foreach(language C ASM)
  set(CMAKE_${language}_COMPILER_FORCED TRUE)
  set(CMAKE_${language}_COMPILER_ID GNU)
  set(CMAKE_${language}_COMPILER_ID_RUN TRUE)
  # Padding behind the arena would hide a write between it and its guard.
  set(CMAKE_${language}_FLAGS_INIT
      "-mcpu=rx600 -mno-allow-string-insns -Wa,--no-pad-sections")
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles")

# Sources that every board of this kind shares.
set(TQ_PORT "rx")
