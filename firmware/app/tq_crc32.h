/* CRC-32 as in IEEE 802.3 and zlib: reflected polynomial 0xEDB88320. */
#ifndef TQ_CRC32_H
#define TQ_CRC32_H

#include <stdint.h>

#define TQ_CRC32_INITIAL 0xFFFFFFFFu

uint32_t tq_crc32_update(uint32_t crc, uint8_t byte);

static inline uint32_t tq_crc32_final(uint32_t crc) { return ~crc; }

#endif /* TQ_CRC32_H */
