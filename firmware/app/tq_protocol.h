/*
 * The console protocol: `#<sequence, 4 hex> <type> <payload> <CRC-32, 8 hex>` and a line feed.
 * A line is written piece by piece between tq_protocol_begin() and tq_protocol_end().
 */
#ifndef TQ_PROTOCOL_H
#define TQ_PROTOCOL_H

#include <stdint.h>

/* `text` is the line's type, with whatever follows it literally. */
void tq_protocol_begin(const char *text);
void tq_protocol_text(const char *text);
void tq_protocol_decimal(uint64_t value);
void tq_protocol_hex32(uint32_t value);
void tq_protocol_bytes(const uint8_t *bytes, uint32_t count);
void tq_protocol_end(void);

/* Lines ended so far. */
uint32_t tq_protocol_lines(void);

/* Writes a line outside the protocol: it goes to the device log. */
void tq_protocol_log(const char *text);

#endif /* TQ_PROTOCOL_H */
