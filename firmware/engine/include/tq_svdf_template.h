/*
 * A quantized SVDF kernel: a template, included once per type of state after the definition of
 *
 *   KERNEL                         its name
 *   PARAMS                         type of its parameters
 *   STATE, STATE_MIN, STATE_MAX    type of state and time weights, and its limits
 *   PRODUCT(p, sum, time, state)   statement that adds a product with the state to a sum
 *
 * and of feature_s8(), an input's sum of products with its feature weights.
 * The state's zero point is added behind the clamp, and wraps, as in TensorFlow Lite Micro.
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  const int32_t filters = p->units * p->rank;
  STATE *state = p->state;
  const size_t kept = (size_t)(p->batches * filters * p->memory - 1);
  memmove(state, state + 1, kept * sizeof *state);
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const int8_t *input = p->input + batch * p->input_depth;
    const int8_t *features = p->feature_weights;
    const STATE *times = p->time_weights;
    for (int32_t unit = 0; unit < p->units; ++unit) {
      int32_t sum = p->bias != NULL ? p->bias[unit] : 0;
      for (int32_t filter = 0; filter < p->rank; ++filter) {
        const int32_t feature = feature_s8(input, features, p->input_depth, p->input_offset);
        const int32_t scaled = tq_scale(feature, p->feature_multiplier, p->feature_shift);
        state[p->memory - 1] =
            (STATE)(tq_clamp(scaled, STATE_MIN, STATE_MAX) + p->state_zero_point);
        int32_t product = 0;
        for (int32_t i = 0; i < p->memory; ++i) {
          PRODUCT(p, product, times[i], state[i]);
        }
        sum = tq_add_wrapping(sum, product);
        features += p->input_depth;
        times += p->memory;
        state += p->memory;
      }
      const int32_t scaled = tq_scale(sum, p->output_multiplier, p->output_shift);
      p->output[batch * p->units + unit] =
          (int8_t)tq_clamp(scaled + p->output_offset, INT8_MIN, INT8_MAX);
    }
  }
}

#undef KERNEL
#undef PARAMS
#undef STATE
#undef STATE_MIN
#undef STATE_MAX
#undef PRODUCT
