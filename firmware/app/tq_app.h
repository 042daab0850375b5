/* The parts of the app. */
#ifndef TQ_APP_H
#define TQ_APP_H

#include <stdint.h>

/* What is built into one image besides the model (image.c, generated tq_image_config.h). */
typedef struct tq_image {
  const char *id;
  const char *board;
  const uint8_t *samples; /* one after the other; each holds all inputs in the model's order */
  uint32_t sample_count;
} tq_image;

extern const tq_image tq_image_instance;

/* Index of the operator that ran last, -1 before the first. */
int32_t tq_app_last_op_index(void);

/* Fills the unused stack with a pattern. */
void tq_stack_paint(void);

/* Bytes between the top of the stack and the lowest word that changed since it was painted. */
uint32_t tq_stack_used(void);

uint32_t tq_stack_reserved(void);

/* Writes the guard bytes on both sides of the arena. */
void tq_guard_fill(void);

/* Name of the guard that was overwritten, NULL when both are intact. */
const char *tq_guard_damaged(void);

#endif /* TQ_APP_H */
