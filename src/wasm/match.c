/*
** match.c -- the type section of a module: is it sound, which types are equal or below.
** Layer: wasm.
*/
#include "wasm/match.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "wasm/complain.h"
#include "wasm/limits.h"

/* ---- matching ---- */

static bool concrete(uint32_t heap)
{
  return heap < HEAP_ABSTRACT;
}

/* The supertype of `x` that has `depth` of them itself, or `x`. Each type knows one that
   is far above it (Myers, "An applicative random-access stack"), so the way there takes
   a dozen steps where there are 63 types. */
static uint32_t above(const Module *m, uint32_t x, unsigned depth)
{
  while (m->types[x].depth > depth) {
    uint32_t jump = m->types[x].jump;
    x = m->types[jump].depth >= depth ? jump : m->types[x].super;
  }
  return x;
}

bool lw_match_heap(const Module *m, uint32_t a, uint32_t b)
{
  if (a == b) return true;
  if (!concrete(a) && !concrete(b)) return lw_heap_below(a, b);
  if (!concrete(a)) { /* only a bottom is below a definition */
    uint32_t above = lw_kind_heap((TypeKind)m->types[b].kind);
    return a == HEAP_BOTTOM || a == (above == HEAP_FUNC ? HEAP_NOFUNC : HEAP_NONE);
  }
  if (!concrete(b)) return lw_heap_below(lw_kind_heap((TypeKind)m->types[a].kind), b);
  uint32_t x = above(m, a, m->types[b].depth); /* equal types are equally deep */
  return m->types[x].canon == m->types[b].canon;
}

bool lw_match_slow(const Module *m, ValType a, ValType b)
{
  if (a == b || a == VAL_NONE) return true;
  if (!lw_val_is_ref(a) || !lw_val_is_ref(b)) return false;
  if (a & VAL_NULLABLE && !(b & VAL_NULLABLE)) return false;
  return lw_match_heap(m, lw_val_heap(a), lw_val_heap(b));
}

uint32_t lw_match_top(const Module *m, uint32_t heap)
{
  if (concrete(heap)) heap = lw_kind_heap((TypeKind)m->types[heap].kind);
  return lw_heap_top(heap);
}

Status lw_type_known(const Module *m, ValType t, uint64_t at, Err *err)
{
  if (!lw_val_is_ref(t) || !concrete(lw_val_heap(t)) || lw_val_heap(t) < m->ntypes)
    return LW_OK;
  return lw_bad_index("type", lw_val_heap(t), at, err);
}

Status lw_type_is_func(const Module *m, uint32_t typeidx, uint64_t at, Err *err)
{
  if (typeidx >= m->ntypes) return lw_bad_index("type", typeidx, at, err);
  if (m->types[typeidx].kind == TYPE_FUNC) return LW_OK;
  return lw_fail(err, LW_INVALID, at, "type mismatch: type %u is not a function type",
                 typeidx);
}

/* ---- groups as words ---- */

size_t lw_group_words(const TypeDef *first)
{
  size_t n = 0;
  for (uint32_t i = 0; i < first->ngroup; i++) {
    const TypeDef *t = first + i;
    n += 4 + (size_t)t->func.nparams + t->func.nresults + 2 * (size_t)t->nfields;
  }
  return n;
}

static uint32_t relabel(ValType t, const TypeDef *first, const uint32_t *ids)
{
  uint32_t x = lw_val_heap(t);
  if (!lw_val_is_ref(t) || !concrete(x)) return t;
  if (ids == NULL) return t; /* nothing in it is its own, and indexes are ids */
  uint32_t name = x >= first->group ? GROUP_RELATIVE + (x - first->group) : ids[x];
  return VAL_REF_TO(name, t & VAL_NULLABLE);
}

void lw_group_key(const TypeDef *first, const uint32_t *ids, uint32_t *out)
{
  for (uint32_t i = 0; i < first->ngroup; i++) {
    const TypeDef *t = first + i;
    *out++ = t->kind | (uint32_t)t->final << 8;
    *out++ = t->super == NO_TYPE ? NO_TYPE : relabel(VAL_REF_TO(t->super, 0), first, ids);
    *out++ = t->kind == TYPE_FUNC ? t->func.nparams : t->nfields;
    *out++ = t->func.nresults;
    for (uint32_t k = 0; k < t->func.nparams; k++)
      *out++ = relabel(t->func.params[k], first, ids);
    for (uint32_t k = 0; k < t->func.nresults; k++)
      *out++ = relabel(t->func.results[k], first, ids);
    for (uint32_t k = 0; k < t->nfields; k++) {
      *out++ = relabel(t->fields[k].type, first, ids);
      *out++ = t->fields[k].mutable_;
    }
  }
}

/* ---- equal groups ---- */

typedef struct Known {
  const uint32_t *key;
  size_t words;
  uint64_t hash;
  uint32_t first;
} Known;

typedef struct Groups { /* a hash table, at most half full */
  Known *of;
  uint32_t cap;
  uint32_t *canon; /* TypeDef.canon of every type so far, as an array */
  Arena *scratch;
} Groups;

static Status groups_begin(Groups *g, const Module *m, Arena *scratch, Err *err)
{
  *g = (Groups){.cap = 16, .scratch = scratch};
  while (g->cap < 2 * m->ntypes) /* LIMIT_TYPES keeps that small */
    g->cap *= 2;
  g->of = ARENA_ARR(scratch, Known, g->cap);
  g->canon = ARENA_RAW(scratch, uint32_t, (size_t)m->ntypes + 1);
  return g->of && g->canon ? LW_OK : lw_nomem(err, "types");
}

/* Name the types of the group that begins at `first` after an equal one, or themselves.
 */
static Status group_canon(Groups *g, Module *m, uint32_t first, Err *err)
{
  TypeDef *t = &m->types[first];
  size_t words = lw_group_words(t);
  uint32_t *key = ARENA_RAW(g->scratch, uint32_t, words);
  if (!key) return lw_nomem(err, "types");
  lw_group_key(t, g->canon, key);
  uint64_t hash = lw_hash_table(key, words * sizeof *key);
  uint32_t at = (uint32_t)hash & (g->cap - 1);
  for (; g->of[at].key; at = (at + 1) & (g->cap - 1)) {
    const Known *k = &g->of[at];
    if (k->hash == hash && k->words == words &&
        memcmp(k->key, key, words * sizeof *key) == 0)
      break;
  }
  if (!g->of[at].key) g->of[at] = (Known){key, words, hash, first};
  for (uint32_t i = 0; i < t->ngroup; i++)
    g->canon[first + i] = t[i].canon = g->of[at].first + i;
  return LW_OK;
}

/* ---- one group after the other ---- */

static Status check_known(ValType t, uint32_t limit, Err *err)
{
  uint32_t x = lw_val_heap(t);
  if (!lw_val_is_ref(t) || !concrete(x) || x < limit) return LW_OK;
  return lw_bad_index("type", x, ERR_NOWHERE, err);
}

/* All that a type names is there: it may name its own group and what is before. */
static Status check_names(const TypeDef *t, Err *err)
{
  uint32_t limit = t->group + t->ngroup;
  for (uint32_t k = 0; k < t->func.nparams; k++)
    TRY(check_known(t->func.params[k], limit, err));
  for (uint32_t k = 0; k < t->func.nresults; k++)
    TRY(check_known(t->func.results[k], limit, err));
  for (uint32_t k = 0; k < t->nfields; k++)
    TRY(check_known(t->fields[k].type, limit, err));
  return LW_OK;
}

static Status check_chain(Module *m, uint32_t x, Err *err)
{
  TypeDef *t = &m->types[x];
  t->jump = x;
  if (t->super == NO_TYPE) return LW_OK;
  if (t->super >= x) return lw_bad_index("type", t->super, ERR_NOWHERE, err);
  const TypeDef *super = &m->types[t->super];
  if (super->final)
    return lw_fail(err, LW_INVALID, ERR_NOWHERE,
                   "sub type %u does not match super type %u, which is final", x,
                   t->super);
  if (super->depth >= LIMIT_SUPERTYPES)
    return lw_fail(err, LW_INVALID, ERR_NOWHERE,
                   "type %u has too many supertypes, the limit is %d", x,
                   LIMIT_SUPERTYPES);
  t->depth = super->depth + 1;
  const TypeDef *near = &m->types[super->jump], *far = &m->types[near->jump];
  bool equal = super->depth - near->depth == near->depth - far->depth;
  t->jump = equal ? near->jump : t->super;
  return LW_OK;
}

static bool funcs_fit(const Module *m, const FuncType *t, const FuncType *super)
{
  bool ok = t->nparams == super->nparams && t->nresults == super->nresults;
  for (uint32_t k = 0; ok && k < t->nparams; k++)
    ok = lw_match(m, super->params[k], t->params[k]);
  for (uint32_t k = 0; ok && k < t->nresults; k++)
    ok = lw_match(m, t->results[k], super->results[k]);
  return ok;
}

static bool fields_fit(const Module *m, const TypeDef *t, const TypeDef *super)
{
  bool ok = t->nfields >= super->nfields;
  for (uint32_t k = 0; ok && k < super->nfields; k++) {
    const FieldType *f = &t->fields[k], *s = &super->fields[k];
    ok = f->mutable_ == s->mutable_ && lw_match(m, f->type, s->type) &&
         (!f->mutable_ || lw_match(m, s->type, f->type));
  }
  return ok;
}

static Status check_super(const Module *m, uint32_t x, Err *err)
{
  const TypeDef *t = &m->types[x];
  if (t->super == NO_TYPE) return LW_OK;
  const TypeDef *super = &m->types[t->super];
  bool ok =
    t->kind == super->kind && (t->kind == TYPE_FUNC ? funcs_fit(m, &t->func, &super->func)
                                                    : fields_fit(m, t, super));
  if (ok) return LW_OK;
  return lw_fail(err, LW_INVALID, ERR_NOWHERE, "sub type %u does not match super type %u",
                 x, t->super);
}

Status lw_types_check(Module *m, Arena *scratch, Err *err)
{
  Groups g;
  TRY(groups_begin(&g, m, scratch, err));
  for (uint32_t first = 0; first < m->ntypes; first += m->types[first].ngroup) {
    uint32_t end = first + m->types[first].ngroup;
    assert(m->types[first].group == first && end <= m->ntypes);
    for (uint32_t x = first; x < end; x++) {
      TRY(check_names(&m->types[x], err));
      TRY(check_chain(m, x, err));
    }
    TRY(group_canon(&g, m, first, err));
    for (uint32_t x = first; x < end; x++)
      TRY(check_super(m, x, err));
  }
  return LW_OK;
}
