/*
 * A BATCH_MATMUL kernel: a template, included once per element type after the definition of
 *
 *   KERNEL, MATRIX         its name, and that of a function for it
 *   PARAMS, ELEMENT, SUM   types
 *   PRODUCT(p, a, b)       what is added to a sum
 *   RESULT(p, sum)         the output for a sum
 */
static inline void MATRIX(const PARAMS *p, const ELEMENT *left, const ELEMENT *right,
                          ELEMENT *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    for (int32_t column = 0; column < p->columns; ++column) {
      const ELEMENT *a = left + row * p->row_stride1;
      const ELEMENT *b = right + column * p->column_stride2;
      SUM sum = 0;
      for (int32_t k = 0; k < p->depth; ++k) {
        sum += PRODUCT(p, *a, *b);
        a += p->depth_stride1;
        b += p->depth_stride2;
      }
      *output++ = RESULT(p, sum);
    }
  }
}

void KERNEL(const void *params) {
  const PARAMS *p = params;
  ELEMENT *output = p->output;
  for (int32_t b0 = 0; b0 < p->batches[0]; ++b0) {
    for (int32_t b1 = 0; b1 < p->batches[1]; ++b1) {
      for (int32_t b2 = 0; b2 < p->batches[2]; ++b2) {
        const ELEMENT *left = p->input1 + b0 * p->batch_stride1[0] + b1 * p->batch_stride1[1] +
                              b2 * p->batch_stride1[2];
        const ELEMENT *right = p->input2 + b0 * p->batch_stride2[0] + b1 * p->batch_stride2[1] +
                               b2 * p->batch_stride2[2];
        MATRIX(p, left, right, output);
        output += p->rows * p->columns;
      }
    }
  }
}

#undef KERNEL
#undef MATRIX
#undef PARAMS
#undef ELEMENT
#undef SUM
#undef PRODUCT
#undef RESULT
