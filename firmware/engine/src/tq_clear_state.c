#include <string.h>

#include "tq_engine.h"

void tq_clear_state(const tq_model *model) {
  for (int i = 0; i < model->state_count; ++i) {
    const tq_state *state = &model->states[i];
    memset(state->data, state->value, state->bytes);
  }
}
