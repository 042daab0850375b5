/*
 * The CAST kernels from one type: a template, included once per type after the definition of
 *
 *   FROM, FROM_SUFFIX   a type and the name it has in the kernels'
 */
#define TQ_JOIN(from, to) tq_cast_##from##_##to
#define TQ_CAST_NAME(from, to) TQ_JOIN(from, to)
#define TQ_CAST(suffix, type)                                  \
  void TQ_CAST_NAME(FROM_SUFFIX, suffix)(const void *params) { \
    const tq_cast_params *p = params;                          \
    const FROM *input = p->input;                              \
    type *output = p->output;                                  \
    for (int32_t i = 0; i < p->count; ++i) {                   \
      output[i] = (type)input[i];                              \
    }                                                          \
  }

TQ_CAST(f32, float)
TQ_CAST(s8, int8_t)
TQ_CAST(s16, int16_t)
TQ_CAST(s32, int32_t)
TQ_CAST(b8, _Bool)

#undef FROM
#undef FROM_SUFFIX
#undef TQ_CAST
#undef TQ_CAST_NAME
#undef TQ_JOIN
