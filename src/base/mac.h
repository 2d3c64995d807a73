/*
** mac.h -- keyed BLAKE2b with 32 bytes (RFC 7693): who has the key wrote it.
** Layer: base.
*/
#ifndef LW_MAC_H
#define LW_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAC_SIZE = 32, MAC_KEY_MAX = 64 };

typedef struct Mac {
  uint64_t h[8], bytes;
  uint8_t block[128];
  size_t used;
  uint8_t size;
} Mac;

/* BLAKE2b with `size` bytes of result, 1 to 64, and 0 to 64 bytes of key. */
void lw_blake2b_begin(Mac *m, size_t size, const void *key, size_t key_size);
void lw_blake2b_add(Mac *m, const void *bytes, size_t size);
void lw_blake2b_end(Mac *m, uint8_t *out);

/* Tag of a message in two parts under a key of any length; longer ones than MAC_KEY_MAX
   are hashed first. */
void lw_mac(const void *key, size_t key_size, const void *a, size_t na, const void *b,
            size_t nb, uint8_t out[MAC_SIZE]);
/* In a time that does not depend on where they differ. */
bool lw_mac_equal(const uint8_t a[MAC_SIZE], const uint8_t b[MAC_SIZE]);

#endif
