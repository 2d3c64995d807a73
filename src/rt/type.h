/*
** type.h -- what is precomputed once for each canonical function type.
** Layer: rt.
*/
#ifndef LW_TYPE_H
#define LW_TYPE_H

#include <assert.h>
#include <stdatomic.h>

#include "jit/abi.h"
#include "rt/func.h"

typedef struct TypeInfo {
  FuncType type;
  Abi abi;
  AbiLoc *params, *results;
} TypeInfo;

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

#endif
