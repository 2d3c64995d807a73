/*
** object.h -- structs and arrays: the collected heap of one Lua state.
**
** A reference to an object is its address; i31 is the value shifted left with bit 0 set;
** null is 0. The first word of an object is its canonical type, as it is of a box
** (store.h), so that a reference of unknown type can be asked what it is.
** Small objects lie in slabs of cells of one size, large ones alone. Nothing moves. Every
** address from an object's start to one past its end finds it, since stacks are scanned
** conservatively (gc.c).
** Layer: rt.
*/
#ifndef LW_OBJECT_H
#define LW_OBJECT_H

#include "rt/store.h"
#include "rt/type.h"

typedef struct Object {
  const TypeInfo *info; /* layout.h */
} Object;

typedef struct ArrayObject {
  const TypeInfo *info;
  uint32_t length; /* layout.h */
  uint32_t pad;
  uint8_t elems[]; /* length x info->size bytes */
} ArrayObject;

static inline bool lw_ref_is_i31(uint64_t ref)
{
  return ref & 1;
}
static inline uint64_t lw_i31_new(uint32_t value)
{
  return (uint32_t)(value << 1 | 1);
}
static inline int32_t lw_i31_signed(uint64_t ref)
{
  return (int32_t)(uint32_t)ref >> 1;
}
/* What a reference that is neither null nor i31 nor a function is. */
static inline const TypeInfo *lw_ref_info(uint64_t ref)
{
  return ((const Object *)(uintptr_t)ref)->info;
}
/* A host's value (ExternBox), not an object? */
static inline bool lw_ref_is_box(uint64_t ref)
{
  return lw_ref_info(ref) == &lw_type_box;
}

/* Where machine code makes objects of that size: an offset in a row of runs, bytes to
   take. */
void lw_object_place(uint32_t size, uint32_t *run, uint32_t *cell);

/* What the objects of an instance are charged to; NULL: it has no limit of its own. */
typedef struct HeapAccount HeapAccount;
HeapAccount *lw_heap_account_new(Store *s, uint64_t limit); /* NULL: no memory */
/* Its objects are everybody's from now on. */
void lw_heap_account_end(Store *s, HeapAccount *a);
uint64_t lw_heap_account_held(const HeapAccount *a);

/*
** A zeroed struct; a zeroed array, charged to `a`. NULL: no memory, or beyond a limit, of
** the heap or of the account (lw_heap_refusal). May collect: whoever holds references in
** C variables has made them roots.
*/
Object *lw_struct_new(Store *s, HeapAccount *a, const TypeInfo *info);
ArrayObject *lw_array_new(Store *s, HeapAccount *a, const TypeInfo *info,
                          uint32_t length);
/* The trap for the last NULL. */
unsigned lw_heap_refusal(const Store *s);
/* Does [at, at+n) lie inside? No overflow for any arguments. */
static inline bool lw_array_has(const ArrayObject *a, uint64_t at, uint64_t n)
{
  return at <= a->length && n <= a->length - at;
}

/* A value of storage type `t` from and to an object; packed ones are i32 outside. */
Value lw_storage_get(const uint8_t *at, ValType t, bool sign);
void lw_storage_set(uint8_t *at, ValType t, Value v);
/* n elements of the array from `at` on become v. */
void lw_array_spread(ArrayObject *a, uint64_t at, uint64_t n, Value v);

/* Is the value behind a reference of canonical type `t`? Of any hierarchy. */
bool lw_ref_fits(uint64_t ref, ValType t);

/* Cells that were set apart for objects to come are free again. */
void lw_runs_end(Store *s);
/* Every object that is not known to be dead. Ends the runs. */
void lw_objects_visit(Store *s, void (*visit)(void *user, const Object *o), void *user);

/* The heap's limit in bytes; 0: none but the machine's. */
void lw_heap_limit(Store *s, uint64_t bytes);
typedef struct HeapStats {
  uint64_t objects, bytes, limit, collections; /* as of the last collection, and since */
} HeapStats;
void lw_heap_stats(const Store *s, HeapStats *out);
#ifndef NDEBUG
/* Collect at every allocation. */
void lw_heap_torture(bool on);
#endif

/* References in C variables while something allocates. Ends in the reverse order. */
typedef struct Roots {
  const Value *at;
  const uint32_t *n; /* how many of them, just then */
  struct Roots *next;
} Roots;
void lw_roots_begin(Store *s, Roots *r, const Value *at, const uint32_t *n);
void lw_roots_end(Store *s, Roots *r);

/* A reference that the host holds: a root. */
typedef struct RefHandle {
  uint64_t ref;
  struct RefHandle *prev, *next; /* Store.handles */
  Store *store;                  /* NULL once it is gone */
} RefHandle;
RefHandle *lw_handle_new(Store *s, uint64_t ref); /* NULL: no memory */
void lw_handle_free(RefHandle *h);

#endif
