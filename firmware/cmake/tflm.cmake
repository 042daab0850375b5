# TensorFlow Lite Micro, which the user brings: TQ_TFLM_LIBRARY and the headers in TQ_TFLM_INCLUDE
# that it was built from, with the same TQ_TFLM_DEFINES. Nothing of it is built here.
enable_language(CXX)
tq_record_assembler(CXX)

# Under the name by which the linker script finds the kernels' part of the flash.
configure_file("${TQ_TFLM_LIBRARY}" "${CMAKE_BINARY_DIR}/libtq_kernels_tflm.a" COPYONLY)

add_library(tq_tflm_adapter STATIC "${CMAKE_CURRENT_SOURCE_DIR}/runtimes/tflm/tq_tflm.cc")
set_target_properties(
  tq_tflm_adapter PROPERTIES
  OUTPUT_NAME tq_engine
  ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}"
  CXX_STANDARD 17)
target_compile_definitions(tq_tflm_adapter PRIVATE ${TQ_TFLM_DEFINES})
target_include_directories(
  tq_tflm_adapter PRIVATE app port runtimes/tflm "${model_dir}" ${TQ_INCLUDE_DIRS})
target_include_directories(tq_tflm_adapter SYSTEM PRIVATE ${TQ_TFLM_INCLUDE})
target_compile_options(
  tq_tflm_adapter PRIVATE -fno-exceptions -fno-rtti -fno-threadsafe-statics
  "-ffile-prefix-map=${model_dir}=model")
# The adapter needs the model and the app, which are linked before it.
set(runtime_libraries
    tq_tflm_adapter tq_model "${TQ_LIBRARY_DIR}/libtq_app.a"
    "${CMAKE_BINARY_DIR}/libtq_kernels_tflm.a")
set_target_properties(image PROPERTIES LINKER_LANGUAGE CXX)
# What else a C library wants of an operating system: functions that fail.
target_link_options(image PRIVATE --specs=nosys.specs)
# A library of the user may bring a debug_log.cc of its own; the adapter's comes first.
target_link_options(image PRIVATE -Wl,--allow-multiple-definition)
