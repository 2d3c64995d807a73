/*
** binary.c -- see binary.h.
** Layer: wasm.
*/
#include "wasm/binary.h"

#include <assert.h>

#include "wasm/limits.h"

Status lw_read_count(Reader *r, const char *what, uint32_t limit, uint32_t min_bytes,
                     uint32_t *count, uint32_t *cap)
{
  assert(min_bytes > 0);
  size_t left = lw_reader_left(r); /* the count's own byte included, as in the suite */
  uint64_t at = lw_reader_at(r);
  TRY(lw_leb_u32(r, count));
  if (*count > left)
    return lw_fail(r->err, LW_MALFORMED, at, "length out of bounds: %u %s", *count, what);
  if (*count > limit)
    return lw_fail(r->err, LW_LIMIT, at, "too many %s: %u, the limit is %u", what, *count,
                   limit);
  size_t most = lw_reader_left(r) / min_bytes;
  *cap = *count < most ? *count : (uint32_t)most;
  return LW_OK;
}

/* Bytes of the well-formed sequence at p, or 0. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
  uint8_t lead = p[0];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0; /* continuation, overlong, beyond U+10FFFF */
  size_t n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (left < n) return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && p[1] < 0xa0) return 0;  /* overlong */
  if (lead == 0xed && p[1] >= 0xa0) return 0; /* surrogates */
  if (lead == 0xf0 && p[1] < 0x90) return 0;  /* overlong */
  if (lead == 0xf4 && p[1] >= 0x90) return 0; /* beyond U+10FFFF */
  return n;
}

bool lw_utf8_valid(const uint8_t *text, size_t len)
{
  for (size_t i = 0; i < len;) {
    size_t n = utf8_sequence(text + i, len - i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

Status lw_read_name(Reader *r, Name *out)
{
  uint64_t at = lw_reader_at(r);
  size_t left = lw_reader_left(r);
  uint32_t len;
  const uint8_t *text;
  TRY(lw_leb_u32(r, &len));
  if (len > left)
    return lw_fail(r->err, LW_MALFORMED, at, "length out of bounds: a name of %u bytes",
                   len);
  TRY(lw_read_bytes(r, len, &text));
  if (!lw_utf8_valid(text, len))
    return lw_fail(r->err, LW_MALFORMED, at, "malformed UTF-8 encoding");
  if (len > LIMIT_NAME_BYTES)
    return lw_fail(r->err, LW_LIMIT, at, "name too long: %u bytes, the limit is %d", len,
                   LIMIT_NAME_BYTES);
  *out = (Name){(const char *)text, len};
  return LW_OK;
}

/* ---- types (standard, section 5.3) ---- */

typedef struct TypeCode {
  ValType type; /* VAL_NONE: the byte starts no value type */
  uint8_t feat;
} TypeCode;

enum { BYTE_REF_NULL = 0x63, BYTE_REF = 0x64, BYTE_EMPTY = 0x40 };

/* clang-format off */
#define NULLABLE(heap) VAL_REF_TO(heap, 1)
static const TypeCode type_codes[0x80] = {
  [0x7f] = {VAL_I32, FEAT_MVP},
  [0x7e] = {VAL_I64, FEAT_MVP},
  [0x7d] = {VAL_F32, FEAT_MVP},
  [0x7c] = {VAL_F64, FEAT_MVP},
  [0x7b] = {VAL_V128, FEAT_SIMD},
  [0x74] = {NULLABLE(HEAP_NOEXN), FEAT_EXCEPTIONS},
  [0x73] = {NULLABLE(HEAP_NOFUNC), FEAT_GC},
  [0x72] = {NULLABLE(HEAP_NOEXTERN), FEAT_GC},
  [0x71] = {NULLABLE(HEAP_NONE), FEAT_GC},
  [0x70] = {NULLABLE(HEAP_FUNC), FEAT_MVP}, /* tables of the MVP have it */
  [0x6f] = {NULLABLE(HEAP_EXTERN), FEAT_REF_TYPES},
  [0x6e] = {NULLABLE(HEAP_ANY), FEAT_GC},
  [0x6d] = {NULLABLE(HEAP_EQ), FEAT_GC},
  [0x6c] = {NULLABLE(HEAP_I31), FEAT_GC},
  [0x6b] = {NULLABLE(HEAP_STRUCT), FEAT_GC},
  [0x6a] = {NULLABLE(HEAP_ARRAY), FEAT_GC},
  [0x69] = {NULLABLE(HEAP_EXN), FEAT_EXCEPTIONS},
};
#undef NULLABLE
/* clang-format on */

static Status need_type(const Reader *r, uint64_t features, TypeCode code)
{
  char text[40];
  if (features >> code.feat & 1) return LW_OK;
  return lw_feat_need(features, (Feat)code.feat,
                      lw_val_text(code.type, text, sizeof text), lw_reader_at(r), r->err);
}

Status lw_read_heaptype(Reader *r, uint64_t features, uint32_t *out)
{
  int64_t v;
  uint64_t at = lw_reader_at(r);
  TRY(lw_leb_s33(r, &v));
  if (v >= 0) {
    TRY(lw_feat_need(features, FEAT_FUNC_REFS, "reference to a type", at, r->err));
    if (v >= LIMIT_TYPES)
      return lw_fail(r->err, LW_INVALID, at, "unknown type %lld", (long long)v);
    *out = (uint32_t)v;
    return LW_OK;
  }
  TypeCode code = v >= -0x40 ? type_codes[v + 0x80] : (TypeCode){0};
  if (!lw_val_is_ref(code.type))
    return lw_fail(r->err, LW_MALFORMED, at, "malformed heap type");
  TRY(need_type(r, features, code));
  *out = lw_val_heap(code.type);
  return LW_OK;
}

/* A value type whose first byte may be any reference type; `bad` is the complaint. */
static Status read_type(Reader *r, uint64_t features, bool only_ref, ValType *out)
{
  uint8_t byte;
  uint32_t heap = 0;
  TRY(lw_read_byte(r, &byte));
  if (byte == BYTE_REF || byte == BYTE_REF_NULL) {
    TRY(lw_feat_need(features, FEAT_FUNC_REFS, "(ref ...)", lw_reader_at(r) - 1, r->err));
    TRY(lw_read_heaptype(r, features, &heap));
    *out = VAL_REF_TO(heap, byte == BYTE_REF_NULL);
    return LW_OK;
  }
  if (byte & 0x80) return lw_reader_bad(r, "integer representation too long");
  TypeCode code = type_codes[byte];
  if (code.type == VAL_NONE || (only_ref && !lw_val_is_ref(code.type))) {
    r->pos--;
    return lw_reader_bad(r,
                         only_ref ? "malformed reference type" : "malformed value type");
  }
  TRY(need_type(r, features, code));
  *out = code.type;
  return LW_OK;
}

Status lw_read_valtype(Reader *r, uint64_t features, ValType *out)
{
  return read_type(r, features, false, out);
}

Status lw_read_reftype(Reader *r, uint64_t features, ValType *out)
{
  return read_type(r, features, true, out);
}

Status lw_read_blocktype(Reader *r, uint64_t features, BlockType *out)
{
  if (r->pos == r->end) return lw_reader_bad(r, TEXT_END);
  uint64_t at = lw_reader_at(r);
  *out = (BlockType){0};
  if (*r->pos == BYTE_EMPTY) {
    r->pos++;
    return LW_OK;
  }
  if ((*r->pos & 0xc0) == 0x40) return lw_read_valtype(r, features, &out->result);
  int64_t v;
  TRY(lw_leb_s33(r, &v));
  if (v < 0) return lw_fail(r->err, LW_MALFORMED, at, "malformed block type");
  out->indexed = true;
  out->index = (uint32_t)v;
  return lw_feat_need(features, FEAT_MULTI_VALUE, "block with a type index", at, r->err);
}

enum { /* bits of the flags byte of limits */
       LIMITS_MAX = 1,
       LIMITS_SHARED = 2,
       LIMITS_64 = 4,
       LIMITS_PAGE_SIZE = 8,
};

static Status read_range(Reader *r, bool has_max, Limits *out)
{
  TRY(lw_leb_u64(r, &out->min));
  out->max = UINT64_MAX;
  out->has_max = has_max;
  return has_max ? lw_leb_u64(r, &out->max) : LW_OK;
}

static Status read_page_size(Reader *r, Limits *out)
{
  uint64_t at = lw_reader_at(r);
  uint32_t log2;
  TRY(lw_leb_u32(r, &log2));
  if (log2 > 64) return lw_fail(r->err, LW_MALFORMED, at, "invalid custom page size");
  if (log2 != 0 && log2 != 16)
    return lw_fail(r->err, LW_INVALID, at, "invalid custom page size 2**%u", log2);
  out->bytes = log2 == 0;
  return LW_OK;
}

Status lw_read_limits(Reader *r, uint64_t features, bool memory, Limits *out)
{
  uint64_t at = lw_reader_at(r);
  uint8_t flags;
  TRY(lw_read_byte(r, &flags));
  *out = (Limits){0};
  unsigned known = LIMITS_MAX | LIMITS_64;
  if (memory) known |= LIMITS_SHARED | LIMITS_PAGE_SIZE;
  if (flags & ~known)
    return lw_fail(r->err, LW_MALFORMED, at, "malformed limits flags 0x%02x", flags);
  if (flags & LIMITS_PAGE_SIZE) {
    /* Malformed in 3.0; but bytes that make sense with the proposal name the proposal. */
    Reader ahead = *r;
    Err ignored = {0};
    uint32_t page_log2;
    ahead.err = &ignored;
    if (read_range(&ahead, flags & LIMITS_MAX, out) != LW_OK ||
        lw_leb_u32(&ahead, &page_log2) != LW_OK)
      return lw_fail(r->err, LW_MALFORMED, at, "malformed limits flags 0x%02x", flags);
    TRY(lw_feat_need(features, FEAT_CUSTOM_PAGE_SIZES, "page size", at, r->err));
  }
  if (flags & LIMITS_SHARED) {
    TRY(lw_feat_need(features, FEAT_THREADS, "shared memory", at, r->err));
    out->shared = true;
  }
  if (flags & LIMITS_64) {
    TRY(lw_feat_need(features, FEAT_MEMORY64, memory ? "64-bit memory" : "64-bit table",
                     at, r->err));
    out->is64 = true;
  }
  TRY(read_range(r, flags & LIMITS_MAX, out));
  if (out->min > UINT32_MAX || (out->has_max && out->max > UINT32_MAX))
    TRY(lw_feat_need(features, FEAT_MEMORY64, "a limit beyond 32 bits", at, r->err));
  return flags & LIMITS_PAGE_SIZE ? read_page_size(r, out) : LW_OK;
}

Status lw_read_globaltype(Reader *r, uint64_t features, GlobalType *out)
{
  uint8_t mut;
  TRY(lw_read_valtype(r, features, &out->type));
  TRY(lw_read_byte(r, &mut));
  if (mut > 1) {
    r->pos--;
    return lw_reader_bad(r, "malformed mutability");
  }
  out->mutable_ = mut;
  return LW_OK;
}

Status lw_read_memarg_long(Reader *r, MemArg *out)
{
  uint32_t flags;
  uint64_t at = lw_reader_at(r);
  TRY(lw_leb_u32(r, &flags));
  if (flags >= 0x80) return lw_fail(r->err, LW_MALFORMED, at, "malformed memop flags");
  out->align = flags & 0x3f;
  out->memory = 0;
  if (flags & 0x40) TRY(lw_leb_u32(r, &out->memory));
  return lw_leb_u64(r, &out->offset);
}
