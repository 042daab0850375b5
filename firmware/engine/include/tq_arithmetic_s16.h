/* What the templates of convolutions want defined, for int16 with int8 weights. */
#define ELEMENT int16_t
#define WEIGHT int8_t
#define SUM int64_t
#define PRODUCT(p, input, weight) ((input) * (weight))
#define FINISH(p, channel, sum, output)                                                           \
  sum += (p)->bias != NULL ? (p)->bias[channel] : 0;                                              \
  const int32_t scaled = tq_scale_64(sum, (p)->multipliers[channel], (p)->right_shifts[channel]); \
  *output++ = (int16_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)
