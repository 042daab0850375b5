/*
 * A UNIDIRECTIONAL_SEQUENCE_LSTM kernel: a template, included once per element type after the
 * definition of
 *
 *   KERNEL                                   its name
 *   PARAMS, ELEMENT, CELL                    types
 *   VALUE                                    type of a gate's value
 *   GATE(shape, gate, unit, input, hidden)   what enters a gate's activation
 *   LOGISTIC(value), TANH(value)             the activations
 *   REMEMBER(p, cell, forget, in, update)    the new cell state
 *   SHOW(p, cell, out)                       the new hidden state
 *
 * A step's new hidden state is written to the output first, since every unit still needs the old
 * one, so no working memory is needed.
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  const tq_lstm_shape *s = &p->shape;
  for (int32_t batch = 0; batch < s->batches; ++batch) {
    ELEMENT *hidden = p->hidden + batch * s->state_depth;
    CELL *cell = p->cell + batch * s->state_depth;
    for (int32_t time = 0; time < s->time_steps; ++time) {
      const ELEMENT *input = p->input + batch * s->input_batch_stride + time * s->input_time_stride;
      ELEMENT *output = p->output + batch * s->output_batch_stride + time * s->output_time_stride;
      for (int32_t i = 0; i < s->state_depth; ++i) {
        const VALUE forget = LOGISTIC(GATE(s, &p->forget_gate, i, input, hidden));
        const VALUE in = LOGISTIC(GATE(s, &p->input_gate, i, input, hidden));
        const VALUE update = TANH(GATE(s, &p->cell_gate, i, input, hidden));
        const VALUE out = LOGISTIC(GATE(s, &p->output_gate, i, input, hidden));
        cell[i] = REMEMBER(p, cell[i], forget, in, update);
        output[i] = SHOW(p, cell[i], out);
      }
      memcpy(hidden, output, (size_t)s->state_depth * sizeof *hidden);
    }
  }
}

#undef KERNEL
#undef PARAMS
#undef ELEMENT
#undef CELL
#undef VALUE
#undef GATE
#undef LOGISTIC
#undef TANH
#undef REMEMBER
#undef SHOW
