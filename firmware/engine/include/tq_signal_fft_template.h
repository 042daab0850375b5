/*
 * The FFT of real numbers: a template, included once per type after the definition of
 *
 *   SUFFIX, SCALAR      a type and the name it has in the kernels'
 *   TQ_MUL_ADD(a, b, c, d), TQ_MUL_SUB(a, b, c, d)
 *                       a * b + c * d and a * b - c * d, rounded
 *   TQ_ADD, TQ_SUB, TQ_NEG, TQ_HALF_SUM, TQ_HALF_DIFFERENCE
 *                       of two numbers; the last two may not lose the carry
 *   TQ_DIVIDE(a, n)     a divided by n as far as that keeps sums in range, else a itself
 *   TQ_SCALE(a, n)      what the inverse of n numbers does to each of them at its end
 *
 * Butterflies of 4, and of 2 next to the input if the number of points is no power of 4, in the
 * order of kissfft, whose roundings these are.
 */
#define TQ_JOIN(name, suffix) name##_##suffix
#define TQ_NAMED(name, suffix) TQ_JOIN(name, suffix)
#define COMPLEX TQ_NAMED(tq_complex, SUFFIX)

typedef struct COMPLEX {
  SCALAR r;
  SCALAR i;
} COMPLEX;

#define MULTIPLY TQ_NAMED(multiply, SUFFIX)
static inline COMPLEX MULTIPLY(COMPLEX a, COMPLEX b) {
  const COMPLEX product = {
      TQ_MUL_SUB(a.r, b.r, a.i, b.i),
      TQ_MUL_ADD(a.r, b.i, a.i, b.r),
  };
  return product;
}

#define SUM TQ_NAMED(sum, SUFFIX)
static inline COMPLEX SUM(COMPLEX a, COMPLEX b) {
  const COMPLEX result = {TQ_ADD(a.r, b.r), TQ_ADD(a.i, b.i)};
  return result;
}

#define DIFFERENCE TQ_NAMED(difference, SUFFIX)
static inline COMPLEX DIFFERENCE(COMPLEX a, COMPLEX b) {
  const COMPLEX result = {TQ_SUB(a.r, b.r), TQ_SUB(a.i, b.i)};
  return result;
}

#define DIVIDED TQ_NAMED(divided, SUFFIX)
static inline COMPLEX DIVIDED(COMPLEX a, int32_t n) {
  const COMPLEX result = {TQ_DIVIDE(a.r, n), TQ_DIVIDE(a.i, n)};
  return result;
}

/* Where the number that an FFT of `points` puts at place `k` first comes from. */
#define ORIGIN TQ_NAMED(origin, SUFFIX)
static int32_t ORIGIN(int32_t k, int32_t points) {
  int32_t place = 0;
  int32_t stride = 1;
  for (int32_t left = points; left > 1;) {
    const int32_t radix = left % 4 == 0 ? 4 : 2;
    left /= radix;
    place += k / left * stride;
    k %= left;
    stride *= radix;
  }
  return place;
}

#define BUTTERFLY_2 TQ_NAMED(butterfly_2, SUFFIX)
static void BUTTERFLY_2(COMPLEX *x, COMPLEX one) {
  const COMPLEX a = DIVIDED(x[0], 2);
  const COMPLEX b = MULTIPLY(DIVIDED(x[1], 2), one);
  x[0] = SUM(a, b);
  x[1] = DIFFERENCE(a, b);
}

/* Joins four FFTs of m points; the quarter turn is to the right if `inverse` is 0. */
#define BUTTERFLY_4 TQ_NAMED(butterfly_4, SUFFIX)
static void BUTTERFLY_4(COMPLEX *x, int32_t m, int32_t stride, const COMPLEX *twiddles,
                        int inverse) {
  for (int32_t k = 0; k < m; ++k, ++x) {
    const COMPLEX a = DIVIDED(x[0], 4);
    const COMPLEX b = MULTIPLY(DIVIDED(x[m], 4), twiddles[k * stride]);
    const COMPLEX c = MULTIPLY(DIVIDED(x[2 * m], 4), twiddles[2 * k * stride]);
    const COMPLEX d = MULTIPLY(DIVIDED(x[3 * m], 4), twiddles[3 * k * stride]);
    const COMPLEX even = SUM(a, c);
    const COMPLEX odd = SUM(b, d);
    const COMPLEX rest = DIFFERENCE(a, c);
    const COMPLEX turned = DIFFERENCE(b, d);
    const COMPLEX right = {TQ_ADD(rest.r, turned.i), TQ_SUB(rest.i, turned.r)};
    const COMPLEX left = {TQ_SUB(rest.r, turned.i), TQ_ADD(rest.i, turned.r)};
    x[0] = SUM(even, odd);
    x[2 * m] = DIFFERENCE(even, odd);
    x[m] = inverse ? left : right;
    x[3 * m] = inverse ? right : left;
  }
}

/* Transforms `points` numbers, which are in the order of ORIGIN. */
#define TRANSFORM TQ_NAMED(transform, SUFFIX)
static void TRANSFORM(COMPLEX *x, int32_t points, const COMPLEX *twiddles, int inverse) {
  int32_t m = 1;
  while (m * 4 <= points) {
    m *= 4;
  }
  const int32_t first = m == points ? 1 : 2;
  if (first == 2) {
    for (int32_t i = 0; i < points; i += 2) {
      BUTTERFLY_2(x + i, twiddles[0]);
    }
  }
  for (m = first; m < points; m *= 4) {
    for (int32_t i = 0; i < points; i += 4 * m) {
      BUTTERFLY_4(x + i, m, points / (4 * m), twiddles, inverse);
    }
  }
}

/* Makes the spectrum of real numbers of that of the complex ones that they were packed into. */
#define UNPACK TQ_NAMED(unpack, SUFFIX)
static void UNPACK(const COMPLEX *x, COMPLEX *output, int32_t points, const COMPLEX *twiddles) {
  const COMPLEX first = DIVIDED(x[0], 2);
  output[0].r = TQ_ADD(first.r, first.i);
  output[points].r = TQ_SUB(first.r, first.i);
  output[0].i = output[points].i = 0;
  for (int32_t k = 1; k <= points / 2; ++k) {
    const COMPLEX mirrored = {x[points - k].r, TQ_NEG(x[points - k].i)};
    const COMPLEX a = DIVIDED(x[k], 2);
    const COMPLEX b = DIVIDED(mirrored, 2);
    const COMPLEX even = SUM(a, b);
    const COMPLEX odd = MULTIPLY(DIFFERENCE(a, b), twiddles[k - 1]);
    output[k].r = TQ_HALF_SUM(even.r, odd.r);
    output[k].i = TQ_HALF_SUM(even.i, odd.i);
    output[points - k].r = TQ_HALF_DIFFERENCE(even.r, odd.r);
    output[points - k].i = TQ_HALF_DIFFERENCE(odd.i, even.i);
  }
}

void TQ_NAMED(tq_signal_rfft, SUFFIX)(const void *params) {
  const tq_signal_fft_params *p = params;
  const SCALAR *input = p->input;
  SCALAR *output = p->output;
  COMPLEX *work = p->work;
  for (int32_t row = 0; row < p->rows; ++row) {
    for (int32_t k = 0; k < p->points; ++k) {
      const int32_t from = 2 * ORIGIN(k, p->points);
      work[k].r = from < p->input_length ? input[from] : 0;
      work[k].i = from + 1 < p->input_length ? input[from + 1] : 0;
    }
    TRANSFORM(work, p->points, p->twiddles, 0);
    UNPACK(work, (COMPLEX *)output, p->points, p->real_twiddles);
    input += p->input_length;
    output += p->output_length;
  }
}

/* The reverse of UNPACK. */
#define PACK TQ_NAMED(pack, SUFFIX)
static void PACK(const COMPLEX *input, COMPLEX *x, int32_t points, const COMPLEX *twiddles) {
  const COMPLEX ends = {
      TQ_ADD(input[0].r, input[points].r),
      TQ_SUB(input[0].r, input[points].r),
  };
  x[0] = DIVIDED(ends, 2);
  for (int32_t k = 1; k <= points / 2; ++k) {
    const COMPLEX mirrored = {input[points - k].r, TQ_NEG(input[points - k].i)};
    const COMPLEX a = DIVIDED(input[k], 2);
    const COMPLEX b = DIVIDED(mirrored, 2);
    const COMPLEX even = SUM(a, b);
    const COMPLEX odd = MULTIPLY(DIFFERENCE(a, b), twiddles[k - 1]);
    x[k] = SUM(even, odd);
    x[points - k] = DIFFERENCE(even, odd);
    x[points - k].i = TQ_NEG(x[points - k].i);
  }
}

void TQ_NAMED(tq_signal_irfft, SUFFIX)(const void *params) {
  const tq_signal_fft_params *p = params;
  const SCALAR *input = p->input;
  SCALAR *output = p->output;
  COMPLEX *work = p->work;
  for (int32_t row = 0; row < p->rows; ++row) {
    COMPLEX *result = (COMPLEX *)output;
    PACK((const COMPLEX *)input, work, p->points, p->real_twiddles);
    for (int32_t k = 0; k < p->points; ++k) {
      result[k] = work[ORIGIN(k, p->points)];
    }
    TRANSFORM(result, p->points, p->twiddles, 1);
    for (int32_t i = 0; i < 2 * p->points; ++i) {
      output[i] = TQ_SCALE(output[i], 2 * p->points);
    }
    input += p->input_length;
    output += p->output_length;
  }
}

#undef SUFFIX
#undef SCALAR
#undef TQ_MUL_ADD
#undef TQ_MUL_SUB
#undef TQ_ADD
#undef TQ_SUB
#undef TQ_NEG
#undef TQ_HALF_SUM
#undef TQ_HALF_DIFFERENCE
#undef TQ_DIVIDE
#undef TQ_SCALE
#undef TQ_JOIN
#undef TQ_NAMED
#undef COMPLEX
#undef MULTIPLY
#undef SUM
#undef DIFFERENCE
#undef DIVIDED
#undef ORIGIN
#undef BUTTERFLY_2
#undef BUTTERFLY_4
#undef TRANSFORM
#undef UNPACK
#undef PACK
