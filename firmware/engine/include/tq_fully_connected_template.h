/*
 * A quantized FULLY_CONNECTED kernel: a template, included once per element type and kind of scale
 * after the definition of
 *
 *   KERNEL                            its name
 *   PARAMS, ELEMENT, SUM              types
 *   DOT(input, weights, depth)        the sum of their products
 *   FINISH(p, channel, sum, output)   statements that make a sum an output: *output++ = ...
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  const ELEMENT *input = p->input;
  ELEMENT *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const int8_t *weights = p->weights;
    for (int32_t channel = 0; channel < p->output_depth; ++channel) {
      SUM sum = DOT(input, weights, p->input_depth);
      FINISH(p, channel, sum, output);
      weights += p->input_depth;
    }
    input += p->input_depth;
  }
}

#undef KERNEL
#undef PARAMS
#undef ELEMENT
#undef SUM
#undef DOT
#undef FINISH
