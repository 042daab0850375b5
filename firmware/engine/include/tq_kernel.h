/* Attributes of every kernel; a kernel set may define them before it includes any header. */
#ifndef TQ_KERNEL_H
#define TQ_KERNEL_H

#ifndef TQ_KERNEL
#define TQ_KERNEL
#endif

#endif /* TQ_KERNEL_H */
