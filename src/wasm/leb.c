/*
** leb.c -- the slow paths: numbers of several bytes, and every complaint.
** Layer: wasm.
*/
#include "wasm/leb.h"

#include <assert.h>

Status lw_reader_bad(const Reader *r, const char *why)
{
  assert(r->base <= r->pos && r->pos <= r->end);
  return lw_fail(r->err, LW_MALFORMED, lw_reader_at(r), "%s", why);
}

/*
** The bytes of one number, at most last + 1 of them: their 7-bit groups put together, and
** how many there were.
*/
static Status gather(Reader *r, unsigned last, uint64_t *value, unsigned *used)
{
  const char *why = "integer representation too long";
  uint64_t v = 0;
  for (unsigned i = 0; i <= last; i++) {
    if (r->pos == r->end) {
      why = TEXT_END;
      break;
    }
    uint8_t byte = *r->pos++;
    v |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) {
      *value = v;
      *used = i + 1;
      return LW_OK;
    }
  }
  lw_reader_bad(r, why);
  return LW_MALFORMED; /* spelled out: compilers see that *used is set on LW_OK */
}

Status lw_leb_unsigned(Reader *r, unsigned bits, uint64_t *out)
{
  assert(bits == 32 || bits == 64);
  unsigned last = (bits - 1) / 7, used = 0;
  uint64_t v = 0;
  TRY(gather(r, last, &v, &used));
  /* The final byte holds bits - 7 * last meaningful bits: 4 of u32, 1 of u64. */
  if (used == last + 1 && r->pos[-1] >> (bits - 7 * last))
    return lw_reader_bad(r, "integer too large");
  *out = v;
  return LW_OK;
}

Status lw_leb_signed(Reader *r, unsigned bits, int64_t *out)
{
  assert(bits == 32 || bits == 33 || bits == 64);
  unsigned last = (bits - 1) / 7, used = 0;
  uint64_t v = 0;
  TRY(gather(r, last, &v, &used));
  if (used == last + 1) {
    /* From the sign bit upwards all bits of the final byte must be the same. */
    unsigned sign_and_rest = 0x7fu & ~((1u << (bits - 7 * last - 1)) - 1);
    unsigned top = r->pos[-1] & sign_and_rest;
    if (top != 0 && top != sign_and_rest) return lw_reader_bad(r, "integer too large");
  }
  unsigned width = 7 * used;
  if (width < 64 && v >> (width - 1) & 1) v |= ~(uint64_t)0 << width;
  *out = (int64_t)v;
  return LW_OK;
}

Status lw_read_fixed(Reader *r, unsigned size_bytes, uint64_t *out)
{
  assert(size_bytes <= 8);
  const uint8_t *p;
  TRY(lw_read_bytes(r, size_bytes, &p));
  uint64_t v = 0;
  for (unsigned i = 0; i < size_bytes; i++)
    v |= (uint64_t)p[i] << (8 * i);
  *out = v;
  return LW_OK;
}

Status lw_read_bytes(Reader *r, size_t size, const uint8_t **out)
{
  if (size > lw_reader_left(r)) {
    r->pos = r->end;
    lw_reader_bad(r, TEXT_END);
    return LW_MALFORMED; /* spelled out: compilers see that *out is set on LW_OK */
  }
  if (out) *out = r->pos;
  r->pos += size;
  return LW_OK;
}
