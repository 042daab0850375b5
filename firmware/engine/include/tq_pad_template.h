/*
 * A PAD kernel: a template, included once per element type after the definition of
 *
 *   KERNEL            its name
 *   FILL              the name of a function for it, which returns where it left off
 *   PARAMS, ELEMENT   types
 */
static ELEMENT *FILL(ELEMENT *output, int32_t count, ELEMENT value) {
  for (int32_t i = 0; i < count; ++i) {
    *output++ = value;
  }
  return output;
}

void KERNEL(const void *params) {
  const PARAMS *p = params;
  const ELEMENT value = p->pad_value;
  const int32_t row = p->pad_before[3] + p->input_dims[3] + p->pad_after[3];
  const int32_t plane = (p->pad_before[2] + p->input_dims[2] + p->pad_after[2]) * row;
  const int32_t cube = (p->pad_before[1] + p->input_dims[1] + p->pad_after[1]) * plane;
  const ELEMENT *input = p->input;
  ELEMENT *output = FILL(p->output, p->pad_before[0] * cube, value);
  for (int32_t i0 = 0; i0 < p->input_dims[0]; ++i0) {
    output = FILL(output, p->pad_before[1] * plane, value);
    for (int32_t i1 = 0; i1 < p->input_dims[1]; ++i1) {
      output = FILL(output, p->pad_before[2] * row, value);
      for (int32_t i2 = 0; i2 < p->input_dims[2]; ++i2) {
        output = FILL(output, p->pad_before[3], value);
        for (int32_t i3 = 0; i3 < p->input_dims[3]; ++i3) {
          *output++ = *input++;
        }
        output = FILL(output, p->pad_after[3], value);
      }
      output = FILL(output, p->pad_after[2] * row, value);
    }
    output = FILL(output, p->pad_after[1] * plane, value);
  }
  FILL(output, p->pad_after[0] * cube, value);
}

#undef KERNEL
#undef FILL
#undef PARAMS
#undef ELEMENT
