/*
** type.c -- canonical types: one id for equal types in the whole process.
**
** A chained hash table of recursion groups, which doubles as they come; an id names a
** place in a table of chunks that never move, so reading what a held id stands for takes
** no lock. A group lives as long as anybody holds one of its ids or a group that names
** one of them; ids are reused afterwards.
** Invariant: a group is found by its words (wasm/match.h) with ids for the types before
** it, so equal words are equal types across modules.
** Layer: rt.
*/
#include "rt/type.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/lock.h"
#include "jit/layout.h"
#include "rt/object.h"
#include "wasm/limits.h"
#include "wasm/match.h"

enum { BUCKETS_FIRST = 1 << 10 };

typedef struct Group Group;
typedef struct Entry {
  TypeInfo info; /* first: a TypeInfo* is its Entry* */
  Group *group;
  uint32_t id;
} Entry;

struct Group {
  uint64_t hash;
  uint64_t refs; /* of all its ids together */
  Group *next;   /* in its bucket; while it is freed: in the list of those to free */
  uint32_t n;
  uint32_t *key;
  size_t nkey;
  Entry of[];
};

_Static_assert(offsetof(TypeInfo, kind) == TYPE_INFO_KIND, "layout.h");
_Static_assert(offsetof(TypeInfo, depth) == TYPE_INFO_DEPTH, "layout.h");
_Static_assert(offsetof(TypeInfo, line) == TYPE_INFO_LINE, "layout.h");

static const uint32_t no_line[] = {UINT32_MAX};
const TypeInfo lw_type_box = {.kind = INFO_BOX, .line = no_line};
const TypeInfo lw_type_exn = {.kind = INFO_EXN, .line = no_line};

static Group **buckets; /* nbuckets of them, a power of two */
static uint32_t nbuckets, ngroups;
TypeChunk *_Atomic lw_type_chunks[TYPE_CHUNKS];
static uint32_t nids; /* ever given out */
static uint32_t *free_ids;
static uint32_t nfree, free_cap;
_Static_assert(TYPE_CHUNKS *TYPE_CHUNK <= GROUP_RELATIVE, "ids and positions differ");

static Group *group_of(uint32_t id) /* under the lock */
{
  Entry *e = (Entry *)(uintptr_t)lw_type_info(id);
  assert(e->id == id && e->group->refs > 0);
  return e->group;
}

/* ---- ids ---- */

/* Room to give back as many ids as are out, so that giving back cannot fail. */
static bool free_room(uint32_t more)
{
  uint32_t want = nids + more;
  if (want <= free_cap) return true;
  uint32_t cap = want < 64 ? 64 : want + want / 2;
  uint32_t *bigger = realloc(free_ids, cap * sizeof *bigger);
  if (!bigger) return false;
  free_ids = bigger;
  free_cap = cap;
  return true;
}

static bool place_id(Entry *e) /* under the lock */
{
  uint32_t id = nfree ? free_ids[nfree - 1] : nids;
  if (id >> TYPE_CHUNK_BITS >= TYPE_CHUNKS) return false;
  TypeChunk *_Atomic *place = &lw_type_chunks[id >> TYPE_CHUNK_BITS];
  TypeChunk *c = atomic_load_explicit(place, memory_order_relaxed);
  if (!c) {
    if (!(c = calloc(1, sizeof *c))) return false;
    atomic_store_explicit(place, c, memory_order_release);
  }
  e->id = id;
  atomic_store_explicit(&c->at[id & (TYPE_CHUNK - 1)], &e->info, memory_order_release);
  if (nfree)
    nfree--;
  else
    nids++;
  return true;
}

static void give_back(uint32_t id) /* under the lock */
{
  TypeChunk *c =
    atomic_load_explicit(&lw_type_chunks[id >> TYPE_CHUNK_BITS], memory_order_relaxed);
  atomic_store_explicit(&c->at[id & (TYPE_CHUNK - 1)], NULL, memory_order_release);
  assert(nfree < free_cap);
  free_ids[nfree++] = id;
}

/* ---- the table ---- */

static Group **bucket_of(uint64_t hash) /* under the lock */
{
  return &buckets[hash & (nbuckets - 1)];
}

/* More buckets than groups, so that a module with a million types takes its time only
   once. Without memory for more the old ones do, if there are any. Under the lock. */
static bool make_buckets(void)
{
  if (ngroups < nbuckets) return true;
  uint32_t old_count = nbuckets, count = old_count ? old_count * 2 : BUCKETS_FIRST;
  Group **old = buckets;
  /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
  Group **more = calloc(count, sizeof *more);
  if (!more) return old != NULL;
  buckets = more;
  nbuckets = count;
  for (uint32_t i = 0; i < old_count; i++)
    for (Group *g = old[i], *next; g; g = next) {
      next = g->next;
      g->next = *bucket_of(g->hash);
      *bucket_of(g->hash) = g;
    }
  free(old);
  return true;
}

static Group *find(const uint32_t *key, size_t nkey, uint64_t hash) /* under the lock */
{
  for (Group *g = *bucket_of(hash); g; g = g->next)
    if (g->hash == hash && g->nkey == nkey &&
        memcmp(g->key, key, nkey * sizeof *key) == 0)
      return g;
  return NULL;
}

/* ---- making a group ---- */

/* What the entries of a group point to, in one block. */
typedef struct Sizes {
  size_t types, places, fields, words; /* ValType, AbiLoc, FieldType, uint32_t */
} Sizes;

static Sizes sizes_of(const TypeDef *first)
{
  Sizes s = {0, 0, 0, 0};
  for (uint32_t i = 0; i < first->ngroup; i++) {
    const TypeDef *t = first + i;
    size_t n = (size_t)t->func.nparams + t->func.nresults;
    s.types += n;
    s.places += n;
    s.fields += t->nfields;
    s.words += (size_t)t->nfields + t->depth + 1;
  }
  return s;
}

typedef struct Room { /* what is left of that block */
  ValType *types;
  AbiLoc *places;
  FieldType *fields;
  uint32_t *words;
} Room;

/* One block: Group | key | fields | types | words | places */
static Group *allocate(const TypeDef *first, size_t nkey, Room *room)
{
  Sizes s = sizes_of(first);
  size_t entries = first->ngroup * sizeof(Entry);
  size_t rest = nkey * sizeof(uint32_t) + s.fields * sizeof(FieldType) +
                s.types * sizeof(ValType) + s.words * sizeof(uint32_t) +
                s.places * sizeof(AbiLoc);
  Group *g = calloc(1, sizeof *g + entries + rest);
  if (!g) return NULL;
  g->n = first->ngroup;
  g->nkey = nkey;
  g->key = (uint32_t *)(void *)&g->of[g->n];
  room->fields = (FieldType *)(void *)(g->key + nkey);
  room->types = (ValType *)(room->fields + s.fields);
  room->words = room->types + s.types;
  room->places = (AbiLoc *)(room->words + s.words);
  return g;
}

/* A type of the group with ids: those before it are in `ids`, its own in the entries. */
static ValType named(const Group *g, const TypeDef *first, const uint32_t *ids, ValType t)
{
  uint32_t x = lw_val_heap(t);
  if (!lw_val_is_ref(t) || x >= HEAP_ABSTRACT) return t;
  if (!ids) return t;
  bool own = x >= first->group;
  assert(!own || x - first->group < g->n);
  return VAL_REF_TO(own ? g->of[x - first->group].id : ids[x], t & VAL_NULLABLE);
}

static void fill_func(Group *g, const TypeDef *first, const TypeDef *t,
                      const uint32_t *ids, TypeInfo *info, Room *room)
{
  FuncType f = {room->types, room->types + t->func.nparams, t->func.nparams,
                t->func.nresults};
  for (uint32_t k = 0; k < f.nparams; k++)
    *room->types++ = named(g, first, ids, t->func.params[k]);
  for (uint32_t k = 0; k < f.nresults; k++)
    *room->types++ = named(g, first, ids, t->func.results[k]);
  info->type = f;
  info->params = room->places;
  info->results = room->places + f.nparams;
  room->places += f.nparams + f.nresults;
  info->abi = lw_abi_assign(&info->type, info->params, info->results);
}

/* Does a reference of type `def` (`named`, with ids) point to a function? Types of its
   own group are not all filled in yet, so the definition tells. */
static bool is_func(const Group *g, const TypeDef *first, ValType def, ValType named)
{
  uint32_t x = lw_val_heap(def);
  if (x >= HEAP_ABSTRACT) return lw_heap_top(x) == HEAP_FUNC;
  if (x < first->group || x - first->group >= g->n)
    return lw_type_info(lw_val_heap(named))->kind == TYPE_FUNC;
  return first[x - first->group].kind == TYPE_FUNC;
}

static void fill_fields(Group *g, const TypeDef *first, const TypeDef *t,
                        const uint32_t *ids, TypeInfo *info, Room *room)
{
  info->fields = room->fields;
  info->nfields = t->nfields;
  info->refs = room->words;
  for (uint32_t k = 0; k < t->nfields; k++) {
    FieldType f = t->fields[k];
    f.type = named(g, first, ids, f.type);
    *room->fields++ = f;
    if (lw_val_is_ref(f.type))
      info->refs[info->nrefs++] =
        f.offset | (is_func(g, first, t->fields[k].type, f.type) ? REF_IS_FUNC : 0);
  }
  room->words += t->nfields;
  info->size = t->kind == TYPE_ARRAY ? lw_storage_size(t->fields[0].type) : t->size;
  if (t->kind == TYPE_STRUCT) lw_object_place(t->size, &info->run, &info->cell);
}

/* The supertype of entry i comes before it, in this group or in an older one. */
static void fill_line(Group *g, const TypeDef *first, const uint32_t *ids, uint32_t i,
                      Room *room)
{
  const TypeDef *t = first + i;
  TypeInfo *info = &g->of[i].info;
  uint32_t *line = room->words;
  room->words += t->depth + 1u;
  info->line = line;
  info->depth = t->depth;
  if (t->super != NO_TYPE) {
    const TypeInfo *super = t->super >= first->group
                              ? &g->of[t->super - first->group].info
                              : lw_type_info(ids[t->super]);
    assert(super->depth + 1 == t->depth);
    memcpy(line, super->line, t->depth * sizeof *line);
  }
  line[t->depth] = g->of[i].id;
}

static void fill(Group *g, const TypeDef *first, const uint32_t *ids, Room *room)
{
  assert(g->n == first->ngroup);
  for (uint32_t i = 0; i < first->ngroup; i++) {
    const TypeDef *t = first + i;
    TypeInfo *info = &g->of[i].info;
    info->kind = t->kind;
    info->final = t->final;
    if (t->kind == TYPE_FUNC)
      fill_func(g, first, t, ids, info, room);
    else
      fill_fields(g, first, t, ids, info, room);
    fill_line(g, first, ids, i, room);
  }
}

/* ---- who holds whom ---- */

/* Is this word of a key an id? Those of its own group are positions. Words are references
   or small numbers, flags and NO_TYPE: only references have VAL_REF as their kind. */
static bool names_id(const Group *g, size_t word, uint32_t *id)
{
  uint32_t heap = lw_val_heap(g->key[word]);
  *id = heap;
  return lw_val_is_ref(g->key[word]) && heap < GROUP_RELATIVE;
}

/* Calls `visit` for each id in the key, again and again where it stands more than once.
 */
static void visit_key(Group *g, void (*visit)(Group *of))
{
  uint32_t id;
  size_t at = 0;
  for (uint32_t i = 0; i < g->n; i++) {
    bool func = (g->key[at] & 0xff) == TYPE_FUNC;
    if (g->key[at + 1] != NO_TYPE && names_id(g, at + 1, &id)) visit(group_of(id));
    size_t n =
      func ? (size_t)g->key[at + 2] + g->key[at + 3] : 2 * (size_t)g->key[at + 2];
    for (size_t k = 0; k < n; k += func ? 1 : 2)
      if (names_id(g, at + 4 + k, &id)) visit(group_of(id));
    at += 4 + n;
  }
  assert(at == g->nkey);
}

static void hold(Group *g)
{
  g->refs++;
}

static Group *dying; /* under the lock: groups nobody holds any more */

static void let_go(Group *g)
{
  if (--g->refs > 0) return;
  Group **at = bucket_of(g->hash);
  while (*at != g)
    at = &(*at)->next;
  *at = g->next;
  g->next = dying;
  dying = g;
}

/* One after the other: a chain of groups may be a million long. */
static void bury(void)
{
  while (dying) {
    Group *g = dying;
    dying = g->next;
    visit_key(g, let_go);
    for (uint32_t i = 0; i < g->n; i++)
      give_back(g->of[i].id);
    ngroups--;
    free(g);
  }
}

/* ---- interning ---- */

/* The group of a key, made if need be, with one reference more for each of its ids. Under
   the lock. `first` has its definitions. */
static Group *intern(const TypeDef *first, const uint32_t *ids, const uint32_t *key,
                     size_t nkey)
{
  Room room;
  uint64_t hash = lw_hash_table(key, nkey * sizeof *key);
  if (!make_buckets()) return NULL;
  Group *g = find(key, nkey, hash);
  if (g) {
    g->refs += g->n;
    return g;
  }
  if (!free_room(first->ngroup) || !(g = allocate(first, nkey, &room))) return NULL;
  memcpy(g->key, key, nkey * sizeof *key);
  g->hash = hash;
  for (uint32_t i = 0; i < g->n; i++) {
    g->of[i].group = g;
    if (place_id(&g->of[i])) continue;
    while (i-- > 0)
      give_back(g->of[i].id);
    free(g);
    return NULL;
  }
  fill(g, first, ids, &room);
  visit_key(g, hold);
  g->refs = g->n;
  g->next = *bucket_of(hash);
  *bucket_of(hash) = g;
  ngroups++;
  return g;
}

Status lw_types_intern(const Module *m, uint32_t *ids, uint32_t *n, Err *err)
{
  Arena scratch = {0};
  *n = 0;
  while (*n < m->ntypes) {
    const TypeDef *first = &m->types[*n];
    size_t nkey = lw_group_words(first);
    uint32_t *key = ARENA_RAW(&scratch, uint32_t, nkey);
    Group *g = NULL;
    if (key) {
      lw_group_key(first, ids, key);
      lw_lock(LOCK_TYPES);
      g = intern(first, ids, key, nkey);
      lw_unlock(LOCK_TYPES);
    }
    if (!g) {
      lw_arena_free(&scratch);
      return lw_nomem(err, "a module's types");
    }
    for (uint32_t i = 0; i < g->n; i++)
      ids[(*n)++] = g->of[i].id;
    lw_arena_reset(&scratch);
  }
  lw_arena_free(&scratch);
  return LW_OK;
}

Status lw_type_intern(const FuncType *t, uint32_t *id, const FuncType **interned,
                      Err *err)
{
  TypeDef def = {.kind = TYPE_FUNC, .final = true, .super = NO_TYPE, .ngroup = 1};
  uint32_t key[4 + LIMIT_PARAMS + LIMIT_RESULTS];
  def.func = *t;
  size_t nkey = lw_group_words(&def);
  lw_group_key(&def, NULL, key);
  lw_lock(LOCK_TYPES);
  Group *g = intern(&def, NULL, key, nkey);
  lw_unlock(LOCK_TYPES);
  if (!g) return lw_nomem(err, "a function type");
  *id = g->of[0].id;
  if (interned) *interned = &g->of[0].info.type;
  return LW_OK;
}

void lw_type_retain(uint32_t id)
{
  lw_lock(LOCK_TYPES);
  hold(group_of(id));
  lw_unlock(LOCK_TYPES);
}

void lw_type_release(uint32_t id)
{
  lw_lock(LOCK_TYPES);
  let_go(group_of(id));
  bury();
  lw_unlock(LOCK_TYPES);
}

/* ---- questions ---- */

const FuncType *lw_type_of(uint32_t id)
{
  return &lw_type_info(id)->type;
}

uint32_t lw_type_abstract(uint32_t heap)
{
  if (heap >= HEAP_ABSTRACT) return heap;
  return lw_kind_heap((TypeKind)lw_type_info(heap)->kind);
}

bool lw_type_match(ValType a, ValType b)
{
  if (a == b) return true;
  if (!lw_val_is_ref(a) || !lw_val_is_ref(b)) return false;
  if (a & VAL_NULLABLE && !(b & VAL_NULLABLE)) return false;
  uint32_t x = lw_val_heap(a), y = lw_val_heap(b);
  if (x < HEAP_ABSTRACT && y < HEAP_ABSTRACT) return lw_type_below(x, y);
  if (y >= HEAP_ABSTRACT) return lw_heap_below(lw_type_abstract(x), y);
  return x == (lw_type_info(y)->kind == TYPE_FUNC ? HEAP_NOFUNC : HEAP_NONE);
}
