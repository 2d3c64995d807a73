/*
** type.c -- canonical function types: one id for equal signatures in the whole process.
**
** A chained hash table of entries, which doubles as they come; an id names a place in a
** table of chunks that never move, so reading what a held id stands for takes no lock.
** Ids are reused once their last reference is gone.
** Invariant: entries hold no module's type indexes, only numeric types and abstract
** heap types, so equal words are equal types across modules.
** Layer: rt.
*/
#include "rt/type.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/lock.h"

enum { BUCKETS_FIRST = 1 << 10 };

typedef struct Entry {
  TypeInfo info; /* first: a TypeInfo* is its Entry* */
  uint64_t hash;
  uint32_t id, refs;
  struct Entry *next;
} Entry;

static Entry **buckets; /* nbuckets of them, a power of two */
static uint32_t nbuckets, nentries;
TypeChunk *_Atomic lw_type_chunks[TYPE_CHUNKS];
static uint32_t nids; /* ever given out */
static uint32_t *free_ids;
static uint32_t nfree, free_cap;

static Entry *entry_of(uint32_t id) /* under the lock */
{
  Entry *e = (Entry *)(uintptr_t)lw_type_info(id);
  assert(e->id == id && e->refs > 0);
  return e;
}

static uint64_t hash_of(const FuncType *t)
{
  uint64_t p = t->nparams ? lw_hash64(t->params, t->nparams * sizeof *t->params) : 1;
  uint64_t r = t->nresults ? lw_hash64(t->results, t->nresults * sizeof *t->results) : 1;
  return p * 31 + (r ^ (uint64_t)t->nparams << 32);
}

/* One block: Entry | param types | result types | param places | result places */
static Entry *entry_new(const FuncType *t, uint64_t hash)
{
  size_t n = (size_t)t->nparams + t->nresults;
  Entry *e = calloc(1, sizeof *e + n * (sizeof(ValType) + sizeof(AbiLoc)));
  if (!e) return NULL;
  ValType *types = (ValType *)(e + 1);
  AbiLoc *places = (AbiLoc *)(types + n);
  if (t->nparams) memcpy(types, t->params, t->nparams * sizeof *types);
  if (t->nresults) memcpy(types + t->nparams, t->results, t->nresults * sizeof *types);
  e->hash = hash;
  e->refs = 1;
  e->info.type = (FuncType){types, types + t->nparams, t->nparams, t->nresults};
  e->info.params = places;
  e->info.results = places + t->nparams;
  e->info.abi = lw_abi_assign(&e->info.type, e->info.params, e->info.results);
  return e;
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

static Entry **bucket_of(uint64_t hash) /* under the lock */
{
  return &buckets[hash & (nbuckets - 1)];
}

/* More buckets than entries, so that a module with a million types takes its time only
   once. Without memory for more the old ones do, if there are any. Under the lock. */
static bool make_buckets(void)
{
  if (nentries < nbuckets) return true;
  uint32_t old_count = nbuckets, count = old_count ? old_count * 2 : BUCKETS_FIRST;
  Entry **old = buckets;
  /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
  Entry **more = calloc(count, sizeof *more);
  if (!more) return old != NULL;
  buckets = more;
  nbuckets = count;
  for (uint32_t i = 0; i < old_count; i++)
    for (Entry *e = old[i], *next; e; e = next) {
      next = e->next;
      e->next = *bucket_of(e->hash);
      *bucket_of(e->hash) = e;
    }
  free(old);
  return true;
}

static Entry *find_or_make(const FuncType *t) /* under the lock */
{
  uint64_t hash = hash_of(t);
  if (!make_buckets()) return NULL;
  Entry **bucket = bucket_of(hash);
  for (Entry *e = *bucket; e; e = e->next)
    if (e->hash == hash && lw_functype_equal(&e->info.type, t)) {
      e->refs++;
      return e;
    }
  Entry *e = entry_new(t, hash);
  if (!e) return NULL;
  if (!place_id(e)) {
    free(e);
    return NULL;
  }
  e->next = *bucket;
  *bucket = e;
  nentries++;
  return e;
}

Status lw_type_intern(const FuncType *t, uint32_t *id, const FuncType **interned,
                      Err *err)
{
  lw_lock(LOCK_TYPES);
  Entry *e = find_or_make(t);
  lw_unlock(LOCK_TYPES);
  if (!e) return lw_nomem(err, "a function type");
  *id = e->id;
  if (interned) *interned = &e->info.type;
  return LW_OK;
}

void lw_type_retain(uint32_t id)
{
  lw_lock(LOCK_TYPES);
  entry_of(id)->refs++;
  lw_unlock(LOCK_TYPES);
}

static void forget(Entry *e) /* under the lock */
{
  if (nfree == free_cap) {
    uint32_t cap = free_cap ? free_cap * 2 : 64;
    uint32_t *more = realloc(free_ids, cap * sizeof *more);
    if (!more) { /* the type stays known: its id cannot be noted for reuse */
      e->refs = 1;
      return;
    }
    free_ids = more;
    free_cap = cap;
  }
  Entry **at = bucket_of(e->hash);
  while (*at != e)
    at = &(*at)->next;
  *at = e->next;
  TypeChunk *c =
    atomic_load_explicit(&lw_type_chunks[e->id >> TYPE_CHUNK_BITS], memory_order_relaxed);
  atomic_store_explicit(&c->at[e->id & (TYPE_CHUNK - 1)], NULL, memory_order_release);
  free_ids[nfree++] = e->id;
  nentries--;
  free(e);
}

void lw_type_release(uint32_t id)
{
  lw_lock(LOCK_TYPES);
  Entry *e = entry_of(id);
  if (--e->refs == 0) forget(e);
  lw_unlock(LOCK_TYPES);
}

const FuncType *lw_type_of(uint32_t id)
{
  return &lw_type_info(id)->type;
}
