/*
** type.h -- what is precomputed once for each canonical type.
**
** A canonical type is one for all equal types of all modules in the process (standard,
** section 3.3: equal by recursion group). Its number, the id, stands in function cells
** and in the headers of objects. The ValTypes in here name types by id, so a reference
** type is the same word whichever module it comes from.
** Layer: rt.
*/
#ifndef LW_TYPE_H
#define LW_TYPE_H

#include <assert.h>
#include <stdatomic.h>

#include "jit/abi.h"
#include "rt/func.h"
#include "wasm/module.h"

/* Beside TypeKind: a value of the host (ExternBox), an exception (ExnObject). */
enum { INFO_BOX = TYPE_ARRAY + 1, INFO_EXN };

typedef struct TypeInfo {
  uint8_t kind; /* TypeKind or INFO_*; layout.h, as are the next two */
  bool final;
  uint32_t depth;       /* number of supertypes */
  const uint32_t *line; /* ids: supertypes from the root on, at [depth] itself */
  uint32_t run, cell;   /* of a struct: where it is made (object.h) */
  uint32_t size;        /* bytes of a struct; of one element of an array */
  FuncType type;        /* TYPE_FUNC */
  Abi abi;
  AbiLoc *params, *results;
  const FieldType *fields; /* TYPE_STRUCT, TYPE_ARRAY (one) */
  uint32_t nfields;
  uint32_t nrefs; /* how many fields (elements: 0 or 1) are references ... */
  uint32_t *refs; /* ... and their offsets, with REF_IS_FUNC for functions */
} TypeInfo;
#define REF_IS_FUNC 0x80000000u
extern const TypeInfo lw_type_box, lw_type_exn;

enum { TYPE_CHUNK_BITS = 10, TYPE_CHUNK = 1 << TYPE_CHUNK_BITS, TYPE_CHUNKS = 1 << 12 };
typedef struct TypeChunk {
  const TypeInfo *_Atomic at[TYPE_CHUNK];
} TypeChunk;
extern TypeChunk *_Atomic lw_type_chunks[TYPE_CHUNKS]; /* type.c fills them */

/* Of an id that the caller holds a reference to. Takes no lock. */
static inline const TypeInfo *lw_type_info(uint32_t id)
{
  TypeChunk *c =
    atomic_load_explicit(&lw_type_chunks[id >> TYPE_CHUNK_BITS], memory_order_acquire);
  assert(c);
  const TypeInfo *t =
    atomic_load_explicit(&c->at[id & (TYPE_CHUNK - 1)], memory_order_acquire);
  assert(t && "the caller holds a reference");
  return t;
}

/* Is the type with id `a` equal to `b` or a subtype of it? Both are held. */
static inline bool lw_type_below(uint32_t a, uint32_t b)
{
  if (a == b) return true;
  const TypeInfo *sub = lw_type_info(a), *super = lw_type_info(b);
  return sub->depth > super->depth && sub->line[super->depth] == b;
}

/* The type `t` of a module whose types have these ids, with ids in place of indexes. */
static inline ValType lw_type_canonical(ValType t, const uint32_t *ids)
{
  if (!lw_val_is_ref(t) || lw_val_heap(t) >= HEAP_ABSTRACT) return t;
  return VAL_REF_TO(ids[lw_val_heap(t)], t & VAL_NULLABLE);
}
/* The heap type right above a canonical heap type that is none of HEAP_*; else itself. */
uint32_t lw_type_abstract(uint32_t heap);
/* Subtypes among canonical value types. */
bool lw_type_match(ValType a, ValType b);

/* The ids of all types of a validated module, each with a reference. On failure those of
   ids[0 .. *n-1] are held. */
Status lw_types_intern(const Module *m, uint32_t *ids, uint32_t *n, Err *err);

#endif
