/*
** snapshot_bytes.c -- snapshots as bytes, for files.
**
**   "wasmsnap" | u32 version | u64 size of the module | u64 x 2 its XXH3-128
**   each memory:  u64 length | u64 count | count x (u64 page number, 4096 bytes)
**   each table:   u64 length | u64 references: 0 null, else 1 + the number of a cell
**   each global that can change: 16 bytes
**   a byte for each segment: dropped?
**   u64 XXH3-64 of all before
**
** It is data, not code: the worst that a forged one does is to put a guest into a
** state of its author's choice, inside the sandbox. What is read is bounded by what
** the module declares and by the bytes that are there.
** Layer: rt.
*/
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rt/snapshot_state.h"
#include "wasm/match.h"

static const char magic[8] = {'w', 'a', 's', 'm', 's', 'n', 'a', 'p'};
enum { VERSION = 1 };

/* ---- writing ---- */

static void put_u64(Str *out, uint64_t v)
{
  lw_str_add(out, (const char *)&v, sizeof v);
}

static Status put_ref(Str *out, uint64_t ref, const char *what, uint32_t k, uint64_t n,
                      bool extern_, Err *err)
{
  if (ref && (extern_ || !(ref & 1))) {
    const char *held = extern_ ? "a value of Lua" : "a function of another instance";
    if (*what == 't')
      return lw_fail(err, LW_LINK, ERR_NOWHERE,
                     "cannot be saved: table %u, element %llu holds %s", k,
                     (unsigned long long)n, held);
    return lw_fail(err, LW_LINK, ERR_NOWHERE, "cannot be saved: global %u holds %s", k,
                   held);
  }
  put_u64(out, ref ? (ref >> 1) + 1 : 0);
  return LW_OK;
}

static void put_memory(Str *out, const PageMap *map)
{
  uint64_t used, own, npages = lw_pages_length(map) / TRACK_PAGE;
  lw_pages_count(map, &used, &own);
  put_u64(out, lw_pages_length(map));
  put_u64(out, used);
  for (uint64_t n = 0; n < npages; n++) {
    const uint8_t *page = lw_pages_at(map, n);
    if (!page) continue;
    put_u64(out, n);
    lw_str_add(out, (const char *)page, TRACK_PAGE);
  }
}

static bool is_func(const Module *m, ValType t)
{
  return lw_match_top(m, lw_val_heap(t)) == HEAP_FUNC;
}

Status lw_snapshot_write(const Snapshot *s, Str *out, Err *err)
{
  const Module *m = lw_code_module(s->code);
  Hash128 hash = lw_code_hash(s->code);
  const uint32_t version = VERSION;
  size_t start = out->len;
  lw_str_add(out, magic, sizeof magic);
  lw_str_add(out, (const char *)&version, sizeof version);
  put_u64(out, m->size);
  put_u64(out, hash.low);
  put_u64(out, hash.high);
  for (uint32_t k = 0; k < m->nmemories; k++)
    put_memory(out, s->memories[k]);
  for (uint32_t k = 0; k < m->ntables; k++) {
    bool extern_ = !is_func(m, m->tables[k].type.elem);
    put_u64(out, s->tables[k].length);
    for (uint64_t n = 0; n < s->tables[k].length; n++)
      TRY(put_ref(out, s->tables[k].refs[n], "table", k, n, extern_, err));
  }
  for (uint32_t k = 0; k < m->nglobals; k++) {
    ValType t = m->globals[k].type.type;
    if (!m->globals[k].type.mutable_) continue;
    if (!lw_val_is_ref(t)) {
      lw_str_add(out, (const char *)&s->globals[k], sizeof *s->globals);
      continue;
    }
    TRY(put_ref(out, s->globals[k].ref, "global", k, 0, !is_func(m, t), err));
    put_u64(out, 0);
  }
  for (size_t k = 0; k < (size_t)m->nelems + m->ndatas; k++)
    lw_str_add(out, s->dropped[k] ? "\1" : "\0", 1);
  if (out->failed) return lw_nomem(err, "a snapshot's bytes");
  put_u64(out, lw_hash64(out->text + start, out->len - start));
  return out->failed ? lw_nomem(err, "a snapshot's bytes") : LW_OK;
}

/* ---- reading ---- */

typedef struct Cursor {
  const uint8_t *at, *end, *start;
  Err *err;
} Cursor;

static Status bad(const Cursor *c, const char *what)
{
  return lw_fail(c->err, LW_MALFORMED, (uint64_t)(c->at - c->start),
                 "a damaged snapshot: %s", what);
}

static Status get(Cursor *c, void *to, size_t size)
{
  if (size > (size_t)(c->end - c->at)) {
    bad(c, "it ends early");
    return LW_MALFORMED;
  }
  memcpy(to, c->at, size);
  c->at += size;
  return LW_OK;
}

static Status get_u64(Cursor *c, uint64_t *v)
{
  return get(c, v, sizeof *v);
}

/* Is there room for `n` things of `each` bytes? Checked before anything is multiplied. */
static bool has(const Cursor *c, uint64_t n, size_t each)
{
  return n <= (uint64_t)(c->end - c->at) / each;
}

static Status get_memory(Cursor *c, const Limits *type, PageMap **out)
{
  uint64_t length, count, before = 0, most = type->is64 ? (uint64_t)1 << 30 : 65536;
  if (type->has_max && type->max < most) most = type->max; /* in pages */
  TRY(get_u64(c, &length));
  TRY(get_u64(c, &count));
  if (type->bytes || length % WASM_PAGE || length / WASM_PAGE > most ||
      length / WASM_PAGE < type->min)
    return bad(c, "a memory of a length that the module does not allow");
  if (!has(c, count, sizeof(uint64_t) + TRACK_PAGE)) return bad(c, "it ends early");
  *out = lw_pages_new(length);
  if (!*out) return lw_nomem(c->err, "a snapshot");
  for (uint64_t k = 0; k < count; k++) {
    uint64_t n;
    TRY(get_u64(c, &n));
    if (n >= length / TRACK_PAGE || (k > 0 && n <= before))
      return bad(c, "pages out of order");
    if (!lw_pages_set(*out, n, c->at)) return lw_nomem(c->err, "a snapshot");
    c->at += TRACK_PAGE;
    before = n;
  }
  return LW_OK;
}

/* A function's number: only functions that references can be taken of have one. */
static Status get_ref(Cursor *c, const Module *m, ValType t, uint64_t *ref)
{
  uint64_t v = 0;
  TRY(get_u64(c, &v));
  if (v && (!is_func(m, t) || v > m->nescapes || m->escapes[v - 1] < m->nfuncs_imported))
    return bad(c, "a reference to no function of the module");
  ValType type =
    v ? VAL_REF_TO(m->funcs[m->escapes[v - 1]].type, 0) : VAL_REF_TO(HEAP_BOTTOM, 1);
  if (!lw_match(m, type, t)) return bad(c, "a reference of the wrong type");
  *ref = v ? (v - 1) << 1 | 1 : 0;
  return LW_OK;
}

static Status get_table(Cursor *c, const Module *m, uint32_t k, Snapshot *s)
{
  const TableType *t = &m->tables[k].type;
  uint64_t length;
  TRY(get_u64(c, &length));
  if (length < t->limits.min || (t->limits.has_max && length > t->limits.max))
    return bad(c, "a table of a length that the module does not allow");
  if (!has(c, length, sizeof(uint64_t))) return bad(c, "it ends early");
  s->tables[k].refs = malloc(length ? (size_t)length * sizeof(uint64_t) : 1);
  if (!s->tables[k].refs) return lw_nomem(c->err, "a snapshot");
  for (uint64_t n = 0; n < length; n++) {
    TRY(get_ref(c, m, t->elem, &s->tables[k].refs[n]));
    s->tables[k].length = n + 1;
  }
  return LW_OK;
}

static Status get_global(Cursor *c, const Module *m, uint32_t k, Value *out)
{
  ValType t = m->globals[k].type.type;
  uint64_t unused;
  if (!m->globals[k].type.mutable_) return LW_OK;
  if (lw_val_is_ref(t)) {
    TRY(get_ref(c, m, t, &out->ref));
    return get_u64(c, &unused);
  }
  TRY(get(c, out, sizeof *out));
  /* i32 and f32 are held zero-extended: the sandbox stands on that */
  if (lw_val_kind(t) == VAL_I32 || lw_val_kind(t) == VAL_F32)
    *out = (Value){.i64 = out->i32};
  return LW_OK;
}

static Status get_header(Cursor *c, Code *code)
{
  char is[sizeof magic];
  uint32_t version;
  uint64_t size, low, high, check;
  const Module *m = lw_code_module(code);
  Hash128 hash = lw_code_hash(code);
  TRY(get(c, is, sizeof is));
  if (memcmp(is, magic, sizeof magic) != 0) return bad(c, "it is none");
  TRY(get(c, &version, sizeof version));
  if (version != VERSION) return bad(c, "of another version");
  if (c->end - c->at < (ptrdiff_t)sizeof check) return bad(c, "it ends early");
  c->end -= sizeof check;
  memcpy(&check, c->end, sizeof check);
  if (check != lw_hash64(c->start, (size_t)(c->end - c->start)))
    return bad(c, "its checksum is wrong");
  TRY(get_u64(c, &size));
  TRY(get_u64(c, &low));
  TRY(get_u64(c, &high));
  if (size == m->size && low == hash.low && high == hash.high) return LW_OK;
  return lw_fail(c->err, LW_LINK, ERR_NOWHERE, "the snapshot is of another module");
}

static Status get_all(Cursor *c, Snapshot *s)
{
  const Module *m = lw_code_module(s->code);
  for (uint32_t k = 0; k < m->nmemories; k++)
    TRY(get_memory(c, &m->memories[k], &s->memories[k]));
  for (uint32_t k = 0; k < m->ntables; k++)
    TRY(get_table(c, m, k, s));
  for (uint32_t k = 0; k < m->nglobals; k++)
    TRY(get_global(c, m, k, &s->globals[k]));
  for (size_t k = 0; k < (size_t)m->nelems + m->ndatas; k++) {
    uint8_t flag;
    TRY(get(c, &flag, 1));
    if (flag > 1) return bad(c, "a flag that is none");
    s->dropped[k] = flag;
  }
  return c->at == c->end ? LW_OK : bad(c, "there is more behind it");
}

Status lw_snapshot_read(Store *store, Code *code, const uint8_t *bytes, size_t size,
                        Snapshot **out, Err *err)
{
  Cursor c = {bytes, bytes + size, bytes, err};
  TRY(get_header(&c, code));
  Snapshot *s = lw_snapshot_new(store, code, err);
  if (!s) return LW_NOMEM;
  Status status = get_all(&c, s);
  if (status != LW_OK) {
    lw_snapshot_free(s);
    return status;
  }
  *out = s;
  return LW_OK;
}
