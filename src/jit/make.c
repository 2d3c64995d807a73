/*
** make.c -- see make.h.
** Layer: jit.
*/
#include "jit/make.h"

#include <assert.h>
#include <string.h>

/*
** MAX_INS, MAX_POOL: real bodies have 0.2 instructions a byte and facts.h keeps lists of
** locals short, so the largest body allowed stays far below. But a call with 1,000
** results costs a hostile module two bytes. MAX_PROBES: somebody can choose constants
** that collide; beyond it a constant is simply not shared, so that compile time stays
** linear.
*/
enum { MAX_INS = 1 << 24, MAX_POOL = 1 << 26, KONS_FIRST = 32, MAX_PROBES = 16 };
_Static_assert((Ref)MAX_INS <= REF_BIAS, "instruction numbers fit above the bias");

/* Double *array (n entries in use, *cap possible) until `more` fit. Only the pool may be
   longer than there can be instructions. */
static Status grow(Func *f, void **array, size_t size, uint32_t n, uint32_t *cap,
                   uint32_t more, Err *err)
{
  uint32_t max = *array == f->pool ? MAX_POOL : MAX_INS;
  assert(n <= *cap && *cap <= max);
  uint64_t want = (uint64_t)n + more, now = *cap ? *cap : 16;
  while (now < want)
    now *= 2;
  if (now > max)
    return lw_fail(err, LW_LIMIT, ERR_NOWHERE, "function %u is too large to compile",
                   f->index);
  void *p = lw_arena_grow(f->arena, *array, n * size, (size_t)now * size);
  if (!p) return lw_nomem(err, "a function's intermediate code");
  *array = p;
  *cap = (uint32_t)now;
  return LW_OK;
}

Status lw_make_begin(Func *f, const Module *m, uint32_t func, Arena *arena,
                     const MakeSizes *sizes, Err *err)
{
  assert(func < m->nfuncs && sizes->ins <= MAX_INS && sizes->pool <= MAX_POOL);
  *f = (Func){
    .module = m, .index = func, .type = lw_module_functype(m, func), .arena = arena};
  f->ins_cap = sizes->ins;
  f->pool_cap = sizes->pool;
  f->blocks_cap = sizes->blocks;
  f->edges_cap = sizes->edges;
  f->kons_cap = KONS_FIRST;
  f->ins = ARENA_RAW(arena, Ins, sizes->ins);
  f->where = ARENA_RAW(arena, uint32_t, sizes->ins);
  f->pool = ARENA_RAW(arena, uint32_t, sizes->pool);
  f->blocks = ARENA_RAW(arena, Block, sizes->blocks);
  f->edges = ARENA_RAW(arena, Edge, sizes->edges);
  f->kons = ARENA_RAW(arena, Kon, f->kons_cap);
  if (!f->ins || !f->where || !f->pool || !f->blocks || !f->edges || !f->kons)
    return lw_nomem(err, "a function's intermediate code");
  return LW_OK;
}

static void *trimmed(Func *f, void *array, size_t size, uint32_t n, uint32_t *cap)
{
  array = lw_arena_trim(f->arena, array, *cap * size, n * size);
  *cap = n;
  return array;
}

void lw_make_end(Func *f)
{
  uint32_t cap = f->ins_cap;
  f->where = trimmed(f, f->where, sizeof *f->where, f->nins, &cap);
  f->ins = trimmed(f, f->ins, sizeof *f->ins, f->nins, &f->ins_cap);
  f->pool = trimmed(f, f->pool, sizeof *f->pool, f->npool, &f->pool_cap);
  f->blocks = trimmed(f, f->blocks, sizeof *f->blocks, f->nblocks, &f->blocks_cap);
  f->edges = trimmed(f, f->edges, sizeof *f->edges, f->nedges, &f->edges_cap);
}

Status lw_make_grow_ins(Func *f, Err *err)
{
  /* two arrays, one capacity: commit it only when both have grown */
  uint32_t cap = f->ins_cap;
  void *ins = f->ins, *where = f->where;
  TRY(grow(f, &where, sizeof *f->where, f->nins, &cap, 1, err));
  f->where = where;
  cap = f->ins_cap;
  TRY(grow(f, &ins, sizeof *f->ins, f->nins, &cap, 1, err));
  f->ins = ins;
  f->ins_cap = cap;
  return LW_OK;
}

Status lw_make_grow_pool(Func *f, uint32_t more, Err *err)
{
  void *p = f->pool;
  TRY(grow(f, &p, sizeof *f->pool, f->npool, &f->pool_cap, more, err));
  f->pool = p;
  return LW_OK;
}

Status lw_make_grow_kons(Func *f, Err *err)
{
  void *p = f->kons;
  TRY(grow(f, &p, sizeof *f->kons, f->nkons, &f->kons_cap, 1, err));
  f->kons = p;
  return LW_OK;
}

Status lw_make_block(Func *f, uint32_t *block, Err *err)
{
  if (f->nblocks == f->blocks_cap) {
    void *p = f->blocks;
    TRY(grow(f, &p, sizeof *f->blocks, f->nblocks, &f->blocks_cap, 1, err));
    f->blocks = p;
  }
  assert(f->nblocks == 0 || f->blocks[f->nblocks - 1].end == f->nins);
  *block = f->nblocks;
  f->blocks[f->nblocks++] =
    (Block){.first = f->nins, .edges = f->nedges, .loop_end = NO_BLOCK};
  return LW_OK;
}

Status lw_make_edge(Func *f, uint32_t to, uint32_t args, uint32_t *edge, Err *err)
{
  if (f->nedges == f->edges_cap) {
    void *p = f->edges;
    TRY(grow(f, &p, sizeof *f->edges, f->nedges, &f->edges_cap, 1, err));
    f->edges = p;
  }
  Block *b = &f->blocks[f->nblocks - 1];
  if (b->nedges == 0) b->edges = f->nedges;
  assert(b->edges + b->nedges == f->nedges);
  b->nedges++;
  *edge = f->nedges;
  f->edges[f->nedges++] = (Edge){.from = f->nblocks - 1, .to = to, .args = args};
  return LW_OK;
}

static uint32_t hash(uint8_t type, uint64_t bits)
{
  uint64_t h = (bits ^ (uint64_t)type << 56) * 0x9e3779b97f4a7c15u;
  return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 57);
}

/* Doubles the table (or makes the first one) and puts all constants in again. */
static Status rehash(Func *f, KonTable *t, Err *err)
{
  uint32_t size = t->slots ? (t->mask + 1) * 2 : 2 * KONS_FIRST;
  assert((size & (size - 1)) == 0 && f->nkons < size);
  uint32_t *slots = ARENA_ARR(f->arena, uint32_t, size);
  if (!slots) return lw_nomem(err, "constants");
  for (uint32_t k = 0; k < f->nkons; k++) {
    uint32_t at = hash((uint8_t)f->kons[k].type, f->kons[k].bits) & (size - 1), n = 0;
    while (slots[at] && n++ < MAX_PROBES)
      at = (at + 1) & (size - 1);
    if (!slots[at]) slots[at] = k + 1;
  }
  *t = (KonTable){slots, size - 1};
  return LW_OK;
}

Status lw_make_kon(Func *f, KonTable *t, uint8_t type, uint64_t bits, Ref *out, Err *err)
{
  assert(type != VAL_NONE);
  if (!t->slots || f->nkons * 2 > t->mask) TRY(rehash(f, t, err));
  assert(t->slots);
  uint32_t at = hash(type, bits) & t->mask;
  for (uint32_t n = 0; t->slots[at] && n < MAX_PROBES; n++, at = (at + 1) & t->mask) {
    Ref k = t->slots[at] - 1;
    if (f->kons[k].bits == bits && f->kons[k].type == type && f->kons[k].high == 0) {
      *out = k;
      return LW_OK;
    }
  }
  if (f->nkons == f->kons_cap) TRY(lw_make_grow_kons(f, err));
  f->kons[f->nkons] = (Kon){.bits = bits, .type = type};
  *out = f->nkons++;
  if (!t->slots[at]) t->slots[at] = f->nkons;
  return LW_OK;
}

Status lw_make_wide_kon(Func *f, KonTable *t, uint64_t bits, uint64_t high, Ref *out,
                        Err *err)
{
  if (high == 0) return lw_make_kon(f, t, VAL_V128, bits, out, err);
  if (f->nkons == f->kons_cap) TRY(lw_make_grow_kons(f, err));
  f->kons[f->nkons] = (Kon){.bits = bits, .high = high, .type = VAL_V128};
  *out = f->nkons++;
  return LW_OK;
}

Status lw_make_inlined(Func *f, uint32_t call, uint32_t at, uint32_t size,
                       uint32_t *first, Err *err)
{
  void *inlined = f->inlined;
  if (f->ninlined == f->inlined_cap) {
    TRY(grow(f, &inlined, sizeof(Inlined), f->ninlined, &f->inlined_cap, 1, err));
    f->inlined = inlined;
  }
  if (f->ninlined == 0) f->inlined_end = WHERE_INLINED;
  if (size > UINT32_MAX - f->inlined_end)
    return lw_fail(err, LW_LIMIT, ERR_NOWHERE, "function %u is too large to compile",
                   f->index);
  *first = f->inlined_end;
  f->inlined[f->ninlined++] = (Inlined){*first, at, call};
  f->inlined_end += size;
  return LW_OK;
}
