/*
** binary.h -- the small pieces of the binary format: counts, names, types, memargs.
**
** Sections, constant expressions and function bodies are all made of these. `features`
** (bits of FEAT_*) says which proposals may appear: bytes that mean something only in a
** proposal that is not there are LW_UNSUPPORTED, bytes that mean nothing in any are
** LW_MALFORMED. Index ranges are not checked here: that is validation.
** Layer: wasm.
*/
#ifndef LW_BINARY_H
#define LW_BINARY_H

#include "wasm/leb.h"
#include "wasm/module.h"
#include "wasm/ops.h"

typedef struct MemArg {
  uint64_t offset;
  uint32_t memory;
  uint32_t align; /* log2 */
} MemArg;

/* A block type (standard, section 5.3.6): a type index, else one result, else nothing. */
typedef struct BlockType {
  bool indexed;
  uint32_t index; /* if indexed */
  ValType result; /* VAL_NONE: no result */
} BlockType;

/*
** The length of a vector whose entries take `min_bytes` or more each. LW_MALFORMED if
** there are not that many bytes left ("length out of bounds"), LW_LIMIT beyond `limit`,
** naming `what`. *cap is how many entries the remaining bytes can hold at most, so that
** arrays are bounded by the input: reading entry *cap fails by itself.
*/
Status lw_read_count(Reader *r, const char *what, uint32_t limit, uint32_t min_bytes,
                     uint32_t *count, uint32_t *cap);
/* Strict UTF-8 (standard, section 5.2.4): "malformed UTF-8 encoding". */
Status lw_read_name(Reader *r, Name *out);
bool lw_utf8_valid(const uint8_t *text, size_t len);

Status lw_read_valtype(Reader *r, uint64_t features, ValType *out);
Status lw_read_reftype(Reader *r, uint64_t features, ValType *out);
/* A type index or HEAP_*. */
Status lw_read_heaptype(Reader *r, uint64_t features, uint32_t *out);
Status lw_read_blocktype(Reader *r, uint64_t features, BlockType *out);
Status lw_read_limits(Reader *r, uint64_t features, bool memory, Limits *out);
Status lw_read_globaltype(Reader *r, uint64_t features, GlobalType *out);

Status lw_read_memarg_long(Reader *r, MemArg *out); /* of more than two bytes */
static inline Status lw_read_memarg(Reader *r, MemArg *out)
{
  const uint8_t *p = r->pos;
  if (r->end - p < 2 || p[0] >= 0x40 || p[1] >= 0x80) return lw_read_memarg_long(r, out);
  *out = (MemArg){.offset = p[1], .align = p[0]};
  r->pos += 2;
  return LW_OK;
}

#endif
