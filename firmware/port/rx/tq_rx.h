/* Start-up parts that every RX board shares. */
#ifndef TQ_RX_H
#define TQ_RX_H

#include <stdint.h>

/*
 * Exceptions of the fixed vector table have the numbers of their vectors, 20 to 30; interrupts
 * that nobody asked for have these.
 */
enum {
  TQ_EXCEPTION_UNDEFINED = 23,
  TQ_EXCEPTION_BRK = 0x100,
  TQ_EXCEPTION_INTERRUPT = 0x101,
  TQ_EXCEPTION_STACK_OVERFLOW = 0x200, /* found by the firmware itself */
};

/* What the fault handler leaves for a debugger; the layout is read from outside. */
typedef struct tq_fault {
  uint32_t magic; /* TQ_FAULT_MAGIC once the record is complete */
  uint32_t exception;
  uint32_t registers[16]; /* r0, which is the stack pointer of the interrupted code, to r15 */
  uint32_t pc;
  uint32_t psw;
  uint32_t fpsw;
  int32_t op; /* index of the operator that ran last, -1 before the first */
} tq_fault;

#define TQ_FAULT_MAGIC 0xFA017ED0u

extern tq_fault tq_fault_record;

/*
 * The exception that a self-test is about to cause, 0 for none. It is not reported: execution goes
 * on tq_expected_bytes after the instruction, and tq_expected_exception is 0 again.
 */
extern volatile uint32_t tq_expected_exception;
extern volatile uint32_t tq_expected_bytes;

/*
 * What a self-test tries out just now, as the line for the log that says it failed; NULL outside
 * of it. Any other exception is then the self-test's failure, not a fault of the model.
 */
extern const char *volatile tq_trial;

_Noreturn void tq_fault_park(void);

#endif /* TQ_RX_H */
