# One model's image. TQ_MODEL_SOURCES are the files that the engine's emitter wrote,
# TQ_IMAGE_DIR holds tq_image_config.h and tq_samples.bin.
set(TQ_FLASH_BYTES 2097152 CACHE STRING "Bytes of the region FLASH")
set(TQ_RAM_BYTES 655360 CACHE STRING "Bytes of the region RAM")

list(GET TQ_MODEL_SOURCES 0 first_source)
get_filename_component(model_dir "${first_source}" DIRECTORY)

if(TQ_FLASH_START)
  add_link_options(
    -Wl,--defsym=tq_flash_start=${TQ_FLASH_START} -Wl,--defsym=tq_ram_start=${TQ_RAM_START})
endif()

add_library(tq_model STATIC ${TQ_MODEL_SOURCES})
target_include_directories(tq_model PRIVATE "${model_dir}" ${TQ_INCLUDE_DIRS})
target_compile_options(
  tq_model PRIVATE -Werror "-ffile-prefix-map=${model_dir}=model" "-Wa,-I${model_dir}")

add_executable(image app/image.c)
target_include_directories(image PRIVATE app "${TQ_IMAGE_DIR}")
target_compile_options(image PRIVATE -Werror "-Wa,-I${TQ_IMAGE_DIR}")
set_target_properties(
  tq_model PROPERTIES ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set_target_properties(
  image PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${TQ_OUTPUT_DIR}" SUFFIX .elf)

set(runtime_libraries
    "${TQ_LIBRARY_DIR}/libtq_engine.a" "${TQ_LIBRARY_DIR}/libtq_kernels_reference.a")
if(TQ_RUNTIME STREQUAL "tflm")
  include(cmake/tflm.cmake)
endif()
if(TQ_KERNELS_DIR)
  set(selected_kernels -Wl,--whole-archive)
  foreach(kernels_dir ${TQ_KERNELS_DIR})
    list(APPEND selected_kernels "${kernels_dir}/libtq_kernels_selected.a")
  endforeach()
  list(APPEND selected_kernels -Wl,--no-whole-archive)
  # Linked first, so that they win; what they replace is then unused and dropped. A file of the
  # reference set may hold other kernels beside a replaced one.
  target_link_options(image PRIVATE -Wl,--allow-multiple-definition)
endif()
target_link_options(
  image PRIVATE
  -Wl,--defsym=tq_flash_bytes=${TQ_FLASH_BYTES}
  -Wl,--defsym=tq_ram_bytes=${TQ_RAM_BYTES}
  "-L${CMAKE_CURRENT_SOURCE_DIR}/port/${TQ_PORT}"
  "-T${TQ_BOARD_DIR}/board.ld"
  -Wl,--gc-sections
  -Wl,--build-id=none
  "-Wl,--dependency-file=${CMAKE_BINARY_DIR}/image.ld.d"
  "-Wl,-Map=${TQ_OUTPUT_DIR}/image.map")
target_link_libraries(
  image PRIVATE
  ${selected_kernels}
  "${TQ_LIBRARY_DIR}/libtq_app.a"
  tq_model
  ${runtime_libraries}
  m)
