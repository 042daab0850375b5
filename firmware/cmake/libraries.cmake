# The libraries that all images of one board and set of flags share:
#   libtq_app.a                 app, start-up, board
#   libtq_engine.a              the engine without its kernels
#   libtq_kernels_reference.a   the portable kernels
# The linker script tells the parts of the flash report apart by these names.
include("${TQ_BOARD_DIR}/board.cmake" OPTIONAL)
file(GLOB app_sources app/*.c port/${TQ_PORT}/*.[cS] ${TQ_BOARD_DIR}/*.[cS])
if(TQ_CONSOLE STREQUAL "debugger")
  file(GLOB mailbox_sources port/mailbox/*.[cS])
  list(APPEND app_sources ${mailbox_sources})
  add_compile_definitions(TQ_CONSOLE_DEBUGGER)
endif()
if(TQ_SETUP)
  list(APPEND app_sources ${TQ_SETUP})
  add_compile_definitions(TQ_HAS_SETUP)
  set_source_files_properties(${TQ_SETUP} PROPERTIES COMPILE_OPTIONS -Wno-error)
endif()
if(TQ_BOARD_PORT)
  file(GLOB shared_sources port/${TQ_BOARD_PORT}/*.[cS])
  list(APPEND app_sources ${shared_sources})
endif()
list(FILTER app_sources EXCLUDE REGEX "/app/image\\.c$")
file(GLOB engine_sources ${TQ_ENGINE_DIR}/src/*.[cS])
file(GLOB kernel_sources ${TQ_ENGINE_DIR}/kernels/reference/*.[cS]
     ${TQ_ENGINE_DIR}/kernels/common/*.[cS])

add_library(tq_app STATIC ${app_sources})
target_include_directories(tq_app PRIVATE app runtimes/${TQ_RUNTIME} port port/${TQ_PORT}
  port/${TQ_BOARD_PORT} "${TQ_BOARD_DIR}")
add_library(tq_engine STATIC ${engine_sources})
add_library(tq_kernels_reference STATIC ${kernel_sources})

foreach(library tq_app tq_engine tq_kernels_reference)
  target_include_directories(${library} PRIVATE ${TQ_INCLUDE_DIRS})
  target_compile_options(${library} PRIVATE -Werror)
endforeach()

# For the report: the flags that shape the code, not warnings, debug information or this machine.
get_directory_property(options COMPILE_OPTIONS)
list(FILTER options EXCLUDE REGEX "prefix-map=|^-W|^-g$")
list(JOIN options " " options)
file(WRITE "${TQ_OUTPUT_DIR}/flags.txt" "${CMAKE_C_FLAGS} ${options}\n")
