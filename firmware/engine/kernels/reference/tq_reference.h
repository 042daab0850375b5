/*
 * Reference kernels are weak: a kernel set that defines the same symbol replaces that one kernel,
 * even where another kernel of the same file is needed.
 */
#ifndef TQ_REFERENCE_H
#define TQ_REFERENCE_H

#ifdef TQ_KERNEL_H
#error "tq_reference.h must come before every other header of the engine"
#endif

#define TQ_KERNEL __attribute__((weak))

#include "tq_kernels.h"

#endif /* TQ_REFERENCE_H */
