/*
** segment.c -- copying data and element segments into memories and tables.
**
** Expressions for functions are evaluated when they are copied: they are constant, so
** that cannot be told from evaluating them once. Those that may make objects have been.
** Layer: rt.
*/
#include "rt/segment.h"

#include <assert.h>
#include <string.h>

#include "jit/trap.h"
#include "rt/eval.h"

unsigned lw_data_copy(Instance *i, Memory *m, uint32_t data, uint64_t dst, uint64_t src,
                      uint64_t n)
{
  assert(data < i->module->ndatas);
  Span bytes = i->module->datas[data].bytes;
  uint64_t size = i->data_dropped[data] ? 0 : bytes.size;
  if (src > size || n > size - src || !lw_memory_has(m, dst, n)) return TRAP_MEMORY;
  if (n) memcpy(m->base + dst, i->module->bytes + bytes.at + src, n);
  return TRAP_NONE;
}

uint64_t lw_elem_ref(Instance *i, uint32_t elem, uint32_t k)
{
  const Elem *e = &i->module->elems[elem];
  assert(k < e->count);
  if (e->funcs) return (uintptr_t)lw_instance_func(i, e->funcs[k]);
  if (i->elem_refs && i->elem_refs[elem]) return i->elem_refs[elem][k];
  return lw_eval_const(i, e->exprs[k]).ref;
}

unsigned lw_elem_copy(Instance *i, Table *t, uint32_t elem, uint64_t dst, uint64_t src,
                      uint64_t n)
{
  assert(elem < i->module->nelems);
  const Elem *e = &i->module->elems[elem];
  uint64_t size = i->elem_dropped[elem] ? 0 : e->count;
  if (src > size || n > size - src || !lw_table_has(t, dst, n)) return TRAP_TABLE;
  for (uint64_t k = 0; k < n; k++)
    t->elems[dst + k] = lw_elem_ref(i, elem, (uint32_t)(src + k));
  return TRAP_NONE;
}

static uint64_t offset_of(Instance *i, Span expr, bool is64)
{
  Value v = lw_eval_const(i, expr);
  return is64 ? v.i64 : v.i32;
}

static Status elems_run(Instance *i, Err *err)
{
  const Module *m = i->module;
  for (uint32_t k = 0; k < m->nelems; k++) {
    const Elem *e = &m->elems[k];
    if (e->mode == SEG_DECLARED) i->elem_dropped[k] = true;
    if (e->mode != SEG_ACTIVE) continue;
    Table *t = lw_instance_table(i, e->table);
    uint64_t dst = offset_of(i, e->offset, t->type.limits.is64);
    unsigned trap = lw_elem_copy(i, t, k, dst, 0, e->count);
    if (trap != TRAP_NONE)
      return lw_fail(err, LW_TRAP, e->offset.at,
                     "%s: element segment %u writes [%llu, +%u) of a table of %llu",
                     lw_trap_text(trap), k, (unsigned long long)dst, e->count,
                     (unsigned long long)t->length);
    i->elem_dropped[k] = true;
  }
  return LW_OK;
}

static Status datas_run(Instance *i, bool laid_out, Err *err)
{
  const Module *m = i->module;
  for (uint32_t k = 0; k < m->ndatas; k++) {
    const Data *d = &m->datas[k];
    if (d->mode != SEG_ACTIVE) continue;
    Memory *mem = lw_instance_memory(i, d->memory);
    uint64_t dst = offset_of(i, d->offset, mem->type.is64);
    if (laid_out && d->memory == 0) {
      assert(lw_memory_has(mem, dst, d->bytes.size));
      i->data_dropped[k] = true;
      continue;
    }
    unsigned trap = lw_data_copy(i, mem, k, dst, 0, d->bytes.size);
    if (trap != TRAP_NONE)
      return lw_fail(err, LW_TRAP, d->offset.at,
                     "%s: data segment %u writes [%llu, +%u) of a memory of %llu bytes",
                     lw_trap_text(trap), k, (unsigned long long)dst, d->bytes.size,
                     (unsigned long long)mem->length);
    i->data_dropped[k] = true;
  }
  return LW_OK;
}

Status lw_segments_run(Instance *i, size_t laid_out, Err *err)
{
  Status s = elems_run(i, err);
  if (s == LW_OK) return datas_run(i, laid_out > 0, err);
  /* Functions it put into imported tables may live on: they must see no data. */
  if (laid_out) lw_memory_blank(lw_instance_memory(i, 0), laid_out);
  return s;
}
