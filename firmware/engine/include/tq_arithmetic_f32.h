/* What the templates of convolutions want defined, for float32. */
#define ELEMENT float
#define WEIGHT float
#define SUM float
#define PRODUCT(p, input, weight) ((input) * (weight))
#define FINISH(p, channel, sum, output)                 \
  sum += (p)->bias != NULL ? (p)->bias[channel] : 0.0f; \
  *output++ = tq_clamp_f32(sum, (p)->activation_min, (p)->activation_max)
