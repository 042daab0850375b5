# libtq_kernels_selected.a: kernels that replace reference kernels of the same name. TQ_KERNELS is
# a set in engine/kernels/ or the directory of a user, whose warnings are the user's affair.
if(IS_DIRECTORY "${TQ_ENGINE_DIR}/kernels/${TQ_KERNELS}")
  set(kernels_dir "${TQ_ENGINE_DIR}/kernels/${TQ_KERNELS}")
  add_compile_options(-Werror)
else()
  set(kernels_dir "${TQ_KERNELS}")
endif()

file(GLOB kernel_sources "${kernels_dir}/*.[cS]")
add_library(tq_kernels_selected STATIC ${kernel_sources})
target_include_directories(tq_kernels_selected PRIVATE "${kernels_dir}" ${TQ_INCLUDE_DIRS})
target_compile_options(tq_kernels_selected PRIVATE "-ffile-prefix-map=${kernels_dir}=kernels")
