/*
 * An ARG_MAX or ARG_MIN kernel: a template, included once per operator and element type after the
 * definition of
 *
 *   KERNEL    its name
 *   ELEMENT   a type
 *   BETTER    C's operator
 */
void KERNEL(const void *params) {
  const tq_arg_params *p = params;
  int32_t *output = p->output;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    const ELEMENT *block = (const ELEMENT *)p->input + outer * p->size * p->inner;
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      int32_t best = 0;
      for (int32_t i = 1; i < p->size; ++i) {
        if (block[i * p->inner + inner] BETTER block[best * p->inner + inner]) {
          best = i;
        }
      }
      *output++ = best;
    }
  }
}

#undef KERNEL
#undef ELEMENT
#undef BETTER
