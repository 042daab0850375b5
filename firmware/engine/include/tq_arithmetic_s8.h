/* What the templates of convolutions want defined, for int8. */
#define ELEMENT int8_t
#define WEIGHT int8_t
#define SUM int32_t
#define PRODUCT(p, input, weight) (((input) + (p)->input_offset) * (weight))
#define FINISH(p, channel, sum, output)                                                       \
  const int32_t biased = tq_add_wrapping(sum, (p)->bias != NULL ? (p)->bias[channel] : 0);    \
  const int32_t scaled =                                                                      \
      tq_scale(biased, (p)->multipliers[channel], (p)->shifts[channel]) + (p)->output_offset; \
  *output++ = (int8_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)
