/*
** leb.h -- reading numbers and raw bytes from a module, with the standard's strictness.
**
** A Reader walks bytes it does not own. Numbers are LEB128 (standard, section 5.2.2):
** at most ceil(bits / 7) bytes, and the unused bits of the last one must repeat the
** sign (or be zero). Non-minimal spellings are fine.
** Invariants: base <= pos <= end, also after a failed read, so callers may report
** lw_reader_at() in messages; *out is written only on success.
** Layer: wasm.
*/
#ifndef LW_LEB_H
#define LW_LEB_H

#include <stddef.h>

#include "base/status.h"

typedef struct Reader {
  const uint8_t *base, *pos, *end; /* base: offset 0 of the module */
  Err *err;
} Reader;

/* Running out of bytes, in the words of the official suite. */
#define TEXT_END "unexpected end of section or function"

static inline size_t lw_reader_left(const Reader *r)
{
  return (size_t)(r->end - r->pos);
}

/* Offset of the next byte in the module. */
static inline uint64_t lw_reader_at(const Reader *r)
{
  return (uint64_t)(r->pos - r->base);
}

/* A Reader over bytes[at .. at + size) that reports offsets from bytes[0]. */
static inline Reader lw_reader(const uint8_t *bytes, size_t at, size_t size, Err *err)
{
  return (Reader){bytes, bytes + at, bytes + at + size, err};
}

/* LW_MALFORMED with `why` at the reader's position. */
Status lw_reader_bad(const Reader *r, const char *why);

/* Numbers of more than one byte, or none left: the slow half of the functions below. */
Status lw_leb_unsigned(Reader *r, unsigned bits, uint64_t *out);
Status lw_leb_signed(Reader *r, unsigned bits, int64_t *out);

/*
** Read one number into *out. LW_MALFORMED: "unexpected end of section or function",
** "integer representation too long", "integer too large".
*/
static inline Status lw_leb_u32(Reader *r, uint32_t *out)
{
  if (r->pos < r->end && *r->pos < 0x80) {
    *out = *r->pos++;
    return LW_OK;
  }
  uint64_t v;
  TRY(lw_leb_unsigned(r, 32, &v));
  *out = (uint32_t)v;
  return LW_OK;
}

static inline Status lw_leb_u64(Reader *r, uint64_t *out)
{
  if (r->pos < r->end && *r->pos < 0x80) {
    *out = *r->pos++;
    return LW_OK;
  }
  return lw_leb_unsigned(r, 64, out);
}

static inline Status lw_leb_s64(Reader *r, int64_t *out)
{
  if (r->pos < r->end && *r->pos < 0x80) {
    *out = (int64_t)(*r->pos++ ^ 0x40) - 0x40; /* bit 6 is the sign */
    return LW_OK;
  }
  return lw_leb_signed(r, 64, out);
}

static inline Status lw_leb_s33(Reader *r, int64_t *out)
{
  if (r->pos < r->end && *r->pos < 0x80) return lw_leb_s64(r, out);
  return lw_leb_signed(r, 33, out);
}

static inline Status lw_leb_s32(Reader *r, int32_t *out)
{
  int64_t v;
  if (r->pos < r->end && *r->pos < 0x80)
    TRY(lw_leb_s64(r, &v));
  else
    TRY(lw_leb_signed(r, 32, &v));
  *out = (int32_t)v;
  return LW_OK;
}

static inline Status lw_read_byte(Reader *r, uint8_t *out)
{
  if (r->pos == r->end) {
    lw_reader_bad(r, TEXT_END);
    return LW_MALFORMED; /* spelled out: compilers see that *out is set on LW_OK */
  }
  *out = *r->pos++;
  return LW_OK;
}

/* Little-endian, as the standard has it, on any host. */
Status lw_read_fixed(Reader *r, unsigned size_bytes, uint64_t *out);
/* Skip `size` bytes; *out (may be NULL) is their start. */
Status lw_read_bytes(Reader *r, size_t size, const uint8_t **out);

#endif
