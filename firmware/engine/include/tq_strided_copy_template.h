/*
 * A strided copy kernel: a template, included once per element type after the definition of
 *
 *   KERNEL    its name
 *   ELEMENT   a type of the elements' size
 */
void KERNEL(const void *params) {
  const tq_strided_copy_params *p = params;
  const ELEMENT *input = p->input;
  ELEMENT *output = p->output;
  for (int32_t i0 = 0; i0 < p->dims[0]; ++i0) {
    for (int32_t i1 = 0; i1 < p->dims[1]; ++i1) {
      for (int32_t i2 = 0; i2 < p->dims[2]; ++i2) {
        for (int32_t i3 = 0; i3 < p->dims[3]; ++i3) {
          int32_t from = p->offset + i0 * p->stride[0] + i1 * p->stride[1] + i2 * p->stride[2] +
                         i3 * p->stride[3];
          for (int32_t i4 = 0; i4 < p->dims[4]; ++i4) {
            *output++ = input[from];
            from += p->stride[4];
          }
        }
      }
    }
  }
}

#undef KERNEL
#undef ELEMENT
