/*
** helpers_gc.c -- the C functions behind helper.def that deal with objects.
**
** As in helpers.c; the reference arguments of a call lie on the guest's stack too, where
** the collector finds them.
** Layer: rt.
*/
#include <assert.h>
#include <string.h>

#include "jit/trap.h"
#include "rt/budget.h"
#include "rt/bulk.h"
#include "rt/helpers.h"
#include "rt/object.h"
#include "rt/segment.h"
#include "rt/tag.h"

static uint64_t end(Instance *i, unsigned trap_code)
{
  if (trap_code != TRAP_NONE) lw_act_trap(i->vm.store, trap_code);
  return 0;
}

static const TypeInfo *type_of(const Instance *i, uint64_t x)
{
  assert(x < i->module->ntypes);
  return lw_type_info(i->vm.types[x]);
}

static ArrayObject *array_of(uint64_t ref)
{
  return (ArrayObject *)(uintptr_t)ref;
}

uint64_t lw_helper_struct_new(Instance *i, uint64_t x)
{
  Object *o = lw_struct_new(i->vm.store, lw_heap_account(i), type_of(i, x));
  return o ? (uintptr_t)o : end(i, lw_heap_refusal(i->vm.store));
}

uint64_t lw_helper_array_new(Instance *i, uint64_t x, uint64_t n)
{
  ArrayObject *a =
    lw_array_new(i->vm.store, lw_heap_account(i), type_of(i, x), (uint32_t)n);
  return a ? (uintptr_t)a : end(i, lw_heap_refusal(i->vm.store));
}

/* The bytes of n elements from `src` on, or NULL: not inside the segment. */
static const uint8_t *data_at(const Instance *i, uint64_t data, uint64_t src, uint64_t n,
                              uint32_t each)
{
  assert(data < i->module->ndatas);
  Span bytes = i->module->datas[data].bytes;
  uint64_t size = i->data_dropped[data] ? 0 : bytes.size;
  if (src > size || n * each > size - src) return NULL; /* both are 32 bits wide */
  return i->module->bytes + bytes.at + src;
}

static bool elem_has(const Instance *i, uint64_t elem, uint64_t src, uint64_t n)
{
  assert(elem < i->module->nelems);
  uint64_t size = i->elem_dropped[elem] ? 0 : i->module->elems[elem].count;
  return src <= size && n <= size - src;
}

static void copy_elem(Instance *i, ArrayObject *a, uint64_t elem, uint64_t dst,
                      uint64_t src, uint64_t n)
{
  for (uint64_t k = 0; k < n; k++) {
    uint64_t ref = lw_elem_ref(i, (uint32_t)elem, (uint32_t)(src + k));
    memcpy(a->elems + (dst + k) * sizeof ref, &ref, sizeof ref);
  }
}

uint64_t lw_helper_array_new_data(Instance *i, uint64_t x, uint64_t data, uint64_t src,
                                  uint64_t n)
{
  const TypeInfo *info = type_of(i, x);
  const uint8_t *from = data_at(i, data, src, n, info->size);
  if (!from) return end(i, TRAP_MEMORY);
  ArrayObject *a = lw_array_new(i->vm.store, lw_heap_account(i), info, (uint32_t)n);
  if (!a) return end(i, lw_heap_refusal(i->vm.store));
  if (n) memcpy(a->elems, from, n * info->size);
  return (uintptr_t)a;
}

uint64_t lw_helper_array_new_elem(Instance *i, uint64_t x, uint64_t elem, uint64_t src,
                                  uint64_t n)
{
  if (!elem_has(i, elem, src, n)) return end(i, TRAP_TABLE);
  ArrayObject *a =
    lw_array_new(i->vm.store, lw_heap_account(i), type_of(i, x), (uint32_t)n);
  if (!a) return end(i, lw_heap_refusal(i->vm.store));
  copy_elem(i, a, elem, 0, src, n);
  return (uintptr_t)a;
}

uint64_t lw_helper_array_fill(Instance *i, uint64_t array, uint64_t dst, uint64_t n,
                              uint64_t low, uint64_t high)
{
  ArrayObject *a = array_of(array);
  if (!a) return end(i, TRAP_NULL_ARRAY);
  if (!lw_array_has(a, dst, n)) return end(i, TRAP_ARRAY);
  Value v = {
    .words = {low, high}
  };
  uint64_t piece = BULK_PIECE / a->info->size;
  for (; n > piece; dst += piece, n -= piece) {
    lw_array_spread(a, dst, piece, v);
    if (lw_bulk_ends(i->vm.store)) return 0;
  }
  lw_array_spread(a, dst, n, v);
  return 0;
}

uint64_t lw_helper_array_copy(Instance *i, uint64_t array, uint64_t dst, uint64_t other,
                              uint64_t src, uint64_t n)
{
  ArrayObject *to = array_of(array), *from = array_of(other);
  if (!to || !from) return end(i, TRAP_NULL_ARRAY);
  if (!lw_array_has(to, dst, n) || !lw_array_has(from, src, n)) return end(i, TRAP_ARRAY);
  size_t size = to->info->size;
  assert(size == from->info->size);
  lw_bulk_move(i->vm.store, to->elems + dst * size, from->elems + src * size, n * size);
  return 0;
}

uint64_t lw_helper_array_init_data(Instance *i, uint64_t array, uint64_t data,
                                   uint64_t dst, uint64_t src, uint64_t n)
{
  ArrayObject *a = array_of(array);
  if (!a) return end(i, TRAP_NULL_ARRAY);
  if (!lw_array_has(a, dst, n)) return end(i, TRAP_ARRAY);
  const uint8_t *from = data_at(i, data, src, n, a->info->size);
  if (!from) return end(i, TRAP_MEMORY);
  if (n) memcpy(a->elems + dst * a->info->size, from, n * a->info->size);
  return 0;
}

uint64_t lw_helper_array_init_elem(Instance *i, uint64_t array, uint64_t elem,
                                   uint64_t dst, uint64_t src, uint64_t n)
{
  ArrayObject *a = array_of(array);
  if (!a) return end(i, TRAP_NULL_ARRAY);
  if (!lw_array_has(a, dst, n)) return end(i, TRAP_ARRAY);
  if (!elem_has(i, elem, src, n)) return end(i, TRAP_TABLE);
  copy_elem(i, a, elem, dst, src, n);
  return 0;
}

uint64_t lw_helper_exn_new(Instance *i, uint64_t x)
{
  ExnObject *e =
    lw_exn_new(i->vm.store, lw_heap_account(i), lw_instance_tag(i, (uint32_t)x));
  return e ? (uintptr_t)e : end(i, lw_heap_refusal(i->vm.store));
}

/* Caught or not, the stub does not return to where it was thrown (stubs.S). */
uint64_t lw_helper_throw(Instance *i, uint64_t exn)
{
  Activation *a = lw_store_running(i->vm.store);
  const ExnObject *e = (const ExnObject *)(uintptr_t)exn;
  if (!lw_act_throw(a, e, NULL)) a->exn = exn;
  return end(i, TRAP_EXCEPTION);
}

uint64_t lw_helper_ref_fits(Instance *i, uint64_t func, uint64_t x, uint64_t null)
{
  const FuncCell *c = (const FuncCell *)(uintptr_t)func;
  return c ? lw_type_below(c->type, i->vm.types[x]) : null;
}
