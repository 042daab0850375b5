/*
 * What the app needs from a board. Each directory in boards/ implements this interface; the
 * linker script of the board defines the memory symbols.
 */
#ifndef TQ_BOARD_H
#define TQ_BOARD_H

#include <stdbool.h>
#include <stdint.h>

/* Runs before main's first line of output: console and counter are ready afterwards. */
void tq_board_init(void);

/* Writes one character to the console and returns when the console has taken it. */
void tq_board_put(char character);

/*
 * Whether the counter counts what tq_board_unit says, found out with code of known length; where
 * counts scatter, whether it counts at all.
 */
bool tq_board_counter_is_exact(void);

/* Unit of tq_board_measure(): "instructions" or "cycles". */
extern const char tq_board_unit[];

typedef void (*tq_board_function)(const void *argument);

/*
 * Calls function(argument) and returns its cost in tq_board_unit: from the call instruction to
 * the return instruction, both included, the counter's own cost excluded.
 */
uint64_t tq_board_measure(tq_board_function function, const void *argument);

/*
 * For code that brackets its parts itself: a reading of the counter, and the cost since a reading,
 * the readings' own cost included. Good for as long as the counter does not wrap. Only boards for
 * which there is a C++ runtime have it.
 */
uint64_t tq_board_now(void);
uint64_t tq_board_since(uint64_t reading);

/*
 * How a board with a clock of its own proves that it runs at `hz`. While `cycles` were counted, a
 * reference that does not depend on the core's clock made `reference_ticks` at `reference_hz`. A
 * loop took `loop_cycles`; with the wait states and caches as they should be, it takes from
 * `loop_low` to `loop_high`.
 */
typedef struct tq_clock {
  uint32_t hz;
  uint32_t cycles;
  uint32_t reference_ticks;
  uint32_t reference_hz;
  uint32_t loop_cycles;
  uint32_t loop_low;
  uint32_t loop_high;
} tq_clock;

/* Only boards whose TQ_BOARD_REPEATS (tq_board_config.h) is not 0 have it. */
void tq_board_check_clock(tq_clock *clock);

/*
 * Sleeps for at least `counts` of the core's clock, awake no more than it takes to notice. Only
 * images with windows for a power meter (TQ_POWER_COUNTS) need it.
 */
void tq_board_idle(uint32_t counts);

/* Where the device stays after its last line; a debugger finds the program counter here. */
_Noreturn void tq_finished(void);

/* The stack grows down from tq_stack_top; below tq_stack_limit there is no memory. */
extern uint32_t tq_stack_limit[];
extern uint32_t tq_stack_top[];

#endif /* TQ_BOARD_H */
