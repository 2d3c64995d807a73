/*
** helpers.c -- the C functions behind helper.def.
**
** They run on the host's stack, called by lw_stub_helper. Index arguments come from a
** validated module, sizes and addresses from the guest: those are checked here, before
** anything is written (standard, section 4.6: bulk operations trap first). i32 arguments
** arrive zero-extended; an i32 result is returned zero-extended.
** Layer: rt.
*/
#include "rt/helpers.h"

#include <assert.h>
#include <string.h>

#include "jit/trap.h"
#include "rt/bulk.h"
#include "rt/instance.h"
#include "rt/segment.h"
#include "rt/shared.h"
#include "rt/store.h"
#include "rt/type.h"

enum { BULK_REFS = BULK_PIECE / sizeof(uint64_t) };

static uint64_t end(Instance *i, unsigned trap_code)
{
  if (trap_code != TRAP_NONE) lw_act_trap(i->vm.store, trap_code);
  return 0;
}

static uint64_t old_size(uint64_t old) /* a failure is -1 in the width of an i32 */
{
  return old == UINT64_MAX ? UINT32_MAX : old;
}

/* The binding tells its collector about memory it cannot see. */
static void note_growth(Instance *i, uint64_t bytes)
{
  Activation *a = lw_store_running(i->vm.store);
  if (!a) return;
  a->grown += bytes;
  a->has_grown = true;
}

static Memory *memory(Instance *i, uint64_t x)
{
  return lw_instance_memory(i, (uint32_t)x);
}

static Table *table(Instance *i, uint64_t x)
{
  return lw_instance_table(i, (uint32_t)x);
}

static uint64_t lw_helper_memory_grow64(Instance *i, uint64_t x, uint64_t pages)
{
  Memory *m = memory(i, x);
  uint64_t old = lw_memory_grow(m, pages);
  if (old != UINT64_MAX) note_growth(i, pages << lw_page_log2(&m->type));
  return old;
}

static uint64_t lw_helper_memory_grow(Instance *i, uint64_t x, uint64_t pages)
{
  return old_size(lw_helper_memory_grow64(i, x, pages));
}

static uint64_t lw_helper_memory_fill(Instance *i, uint64_t x, uint64_t dst,
                                      uint64_t byte, uint64_t n)
{
  Memory *m = memory(i, x);
  if (!lw_memory_has(m, dst, n)) return end(i, TRAP_MEMORY);
  lw_bulk_fill(i->vm.store, m->base + dst, byte & 0xff, n);
  return 0;
}

static uint64_t lw_helper_memory_copy(Instance *i, uint64_t x_dst, uint64_t x_src,
                                      uint64_t dst, uint64_t src, uint64_t n)
{
  Memory *to = memory(i, x_dst), *from = memory(i, x_src);
  if (!lw_memory_has(to, dst, n) || !lw_memory_has(from, src, n))
    return end(i, TRAP_MEMORY);
  lw_bulk_move(i->vm.store, to->base + dst, from->base + src, n);
  return 0;
}

static uint64_t lw_helper_memory_init(Instance *i, uint64_t x, uint64_t data,
                                      uint64_t dst, uint64_t src, uint64_t n)
{
  return end(i, lw_data_copy(i, memory(i, x), (uint32_t)data, dst, src, n));
}

static uint64_t lw_helper_atomic_notify(Instance *i, uint64_t x, uint64_t at, uint64_t n)
{
  Memory *m = memory(i, x);
  if (!lw_memory_has(m, at, 4)) return end(i, TRAP_MEMORY);
  return lw_shared_notify(m, at, (uint32_t)n);
}

static uint64_t atomic_wait(Instance *i, uint64_t x, uint64_t at, unsigned size,
                            uint64_t expected, uint64_t ns)
{
  Memory *m = memory(i, x);
  if (!lw_memory_has(m, at, size)) return end(i, TRAP_MEMORY);
  if (!m->shared) return end(i, TRAP_NOT_SHARED);
  WaitEnd why = lw_shared_wait(i->vm.store, m, at, size, expected, (int64_t)ns);
  if (why != WAIT_INTERRUPT) return (uint64_t)why;
  Store *s = i->vm.store;
  unsigned asked = lw_store_asked(s);
  return end(i, asked ? asked : TRAP_INTERRUPT);
}

static uint64_t lw_helper_atomic_wait32(Instance *i, uint64_t x, uint64_t at,
                                        uint64_t expected, uint64_t ns)
{
  return atomic_wait(i, x, at, 4, expected, ns);
}

static uint64_t lw_helper_atomic_wait64(Instance *i, uint64_t x, uint64_t at,
                                        uint64_t expected, uint64_t ns)
{
  return atomic_wait(i, x, at, 8, expected, ns);
}

static uint64_t lw_helper_data_drop(Instance *i, uint64_t data)
{
  assert(data < i->module->ndatas);
  i->data_dropped[data] = true;
  return 0;
}

static uint64_t lw_helper_table_grow64(Instance *i, uint64_t x, uint64_t ref, uint64_t n)
{
  uint64_t old = lw_table_grow(table(i, x), n, ref);
  if (old != UINT64_MAX) note_growth(i, n * sizeof(uint64_t));
  return old;
}

static uint64_t lw_helper_table_grow(Instance *i, uint64_t x, uint64_t ref, uint64_t n)
{
  return old_size(lw_helper_table_grow64(i, x, ref, n));
}

static uint64_t lw_helper_table_fill(Instance *i, uint64_t x, uint64_t start,
                                     uint64_t ref, uint64_t n)
{
  Table *t = table(i, x);
  if (!lw_table_has(t, start, n)) return end(i, TRAP_TABLE);
  for (uint64_t k = 0; k < n; k++) {
    t->elems[start + k] = ref;
    if (k % BULK_REFS == BULK_REFS - 1 && lw_bulk_ends(i->vm.store)) break;
  }
  return 0;
}

static uint64_t lw_helper_table_copy(Instance *i, uint64_t x_dst, uint64_t x_src,
                                     uint64_t dst, uint64_t src, uint64_t n)
{
  Table *to = table(i, x_dst), *from = table(i, x_src);
  if (!lw_table_has(to, dst, n) || !lw_table_has(from, src, n)) return end(i, TRAP_TABLE);
  lw_bulk_move(i->vm.store, (uint8_t *)(to->elems + dst),
               (const uint8_t *)(from->elems + src), n * sizeof *to->elems);
  return 0;
}

static uint64_t lw_helper_table_init(Instance *i, uint64_t x, uint64_t elem, uint64_t dst,
                                     uint64_t src, uint64_t n)
{
  return end(i, lw_elem_copy(i, table(i, x), (uint32_t)elem, dst, src, n));
}

static uint64_t lw_helper_elem_drop(Instance *i, uint64_t elem)
{
  assert(elem < i->module->nelems);
  i->elem_dropped[elem] = true;
  return 0;
}

static uint64_t lw_helper_check_sig(Instance *i, uint64_t cell, uint64_t typeidx)
{
  const FuncCell *c = (const FuncCell *)(uintptr_t)cell;
  if (!c) return end(i, TRAP_ELEMENT_NULL);
  bool fits = lw_type_below(c->type, i->vm.types[typeidx]);
  return end(i, fits ? TRAP_NONE : TRAP_SIGNATURE);
}

/* A function's address as data: what POSIX promises and ISO C leaves open. */
#define HELPER(name, nargs, result) [HELPER_##name] = (const void *)lw_helper_##name,
__extension__ const void *const lw_helpers[HELPER__MAX] = {
#include "jit/helper.def"
};
