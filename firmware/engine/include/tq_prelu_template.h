/*
 * A quantized PRELU kernel: a template, included once per element type after the definition of
 *
 *   KERNEL            its name
 *   PARAMS, ELEMENT   types; alpha is int8
 *   LOW, HIGH         the limits of ELEMENT
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  const tq_broadcast *b = &p->broadcast;
  const int32_t rows = tq_broadcast_rows(b);
  ELEMENT *output = p->output;
  for (int32_t row = 0; row < rows; ++row) {
    const ELEMENT *input = p->input1 + tq_broadcast_offset(b->dims, b->stride1, row);
    const int8_t *alpha = p->input2 + tq_broadcast_offset(b->dims, b->stride2, row);
    for (int32_t i = 0; i < b->dims[3]; ++i) {
      const int32_t value = *input + p->input_offset;
      const int32_t product = value * (*alpha + p->alpha_offset);
      const int32_t scaled = value >= 0 ? tq_scale(value, p->multiplier, p->shift)
                                        : tq_scale(product, p->alpha_multiplier, p->alpha_shift);
      *output++ = (ELEMENT)tq_clamp(scaled + p->output_offset, LOW, HIGH);
      input += b->stride1[3];
      alpha += b->stride2[3];
    }
  }
}

#undef KERNEL
#undef PARAMS
#undef ELEMENT
#undef LOW
#undef HIGH
