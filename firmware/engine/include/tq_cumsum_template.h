/*
 * A CUMSUM kernel: a template, included once per element type after the definition of
 *
 *   KERNEL                 its name
 *   PARAMS, SUM            types
 *   FIRST(p)               what a sum begins with
 *   ADD(p, sum, input)     statement that adds an input to it
 *   RESULT(p, sum)         the output for a sum
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  const int32_t step = p->reverse ? -p->inner : p->inner;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      const int32_t begin = outer * p->size * p->inner + inner;
      int32_t at = p->reverse ? begin + (p->size - 1) * p->inner : begin;
      SUM sum = FIRST(p);
      for (int32_t i = 0; i < p->size; ++i) {
        const SUM before = sum;
        ADD(p, sum, p->input[at]);
        const SUM shown = p->exclusive ? before : sum;
        p->output[at] = RESULT(p, shown);
        at += step;
      }
    }
  }
}

#undef KERNEL
#undef PARAMS
#undef SUM
#undef FIRST
#undef ADD
#undef RESULT
