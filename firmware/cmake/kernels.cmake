# libtq_kernels_selected.a: kernels that replace reference kernels of the same name. TQ_KERNELS is
# a set in engine/kernels/ or the directory of a user, whose warnings are the user's affair.
set(builds_on_cortex_m_mve cortex_m_dsp)

if(IS_DIRECTORY "${TQ_ENGINE_DIR}/kernels/${TQ_KERNELS}")
  set(kernels_dirs "${TQ_ENGINE_DIR}/kernels/${TQ_KERNELS}")
  # A set has the kernels of the one that it builds on as well.
  foreach(basis ${builds_on_${TQ_KERNELS}})
    list(APPEND kernels_dirs "${TQ_ENGINE_DIR}/kernels/${basis}")
  endforeach()
  add_compile_options(-Werror)
else()
  set(kernels_dirs "${TQ_KERNELS}")
endif()

add_library(tq_kernels_selected STATIC)
foreach(kernels_dir ${kernels_dirs})
  file(GLOB kernel_sources "${kernels_dir}/*.[cS]")
  target_sources(tq_kernels_selected PRIVATE ${kernel_sources})
  target_include_directories(tq_kernels_selected PRIVATE "${kernels_dir}")
  target_compile_options(tq_kernels_selected PRIVATE "-ffile-prefix-map=${kernels_dir}=kernels")
endforeach()
target_include_directories(tq_kernels_selected PRIVATE ${TQ_INCLUDE_DIRS})
