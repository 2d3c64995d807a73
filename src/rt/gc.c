/*
** gc.c -- the collector: boxes of externrefs, cells of closed instances, given-up host
** functions.
**
** Mark and sweep, nothing moves. Roots outside stacks are exact: tables and globals of
** reference type, imports of live instances, the caller's list. Stacks are scanned
** conservatively, from the stack pointer of each activation to its top, with its
** registers: every aligned word that lies between a cell's start and one past its end
** keeps the cell.
** What can be freed refers to nothing (a box names a slot of the host, a closed cell has
** only a trap), so marking has no depth.
** Boxes lie in slabs of 64 KiB, aligned, found through a hash set of slab addresses.
** Shells and host functions count only when nothing else holds them: those few are
** sorted by address before stacks are scanned.
** Layer: rt.
*/
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "rt/stack.h"
#include "rt/state.h"

_Static_assert(sizeof(ExternBox) == 16, "slabs are counted in these");
_Static_assert(offsetof(BoxSlab, boxes) == 16, "boxes are aligned");

enum { BOX_FREE, BOX_USED, BOX_DEAD }; /* ExternBox.used */
enum { FIRST_THRESHOLD = 16384 };

/* ---- boxes ---- */

static uint32_t slot_for(const Heap *h, uintptr_t slab)
{
  assert(h->index_cap && (h->index_cap & (h->index_cap - 1)) == 0);
  uint32_t at = (uint32_t)(slab / BOX_SLAB * 0x9e3779b1u) & (h->index_cap - 1);
  while (h->index[at] && h->index[at] != slab)
    at = (at + 1) & (h->index_cap - 1);
  return at;
}

static bool index_grow(Heap *h)
{
  if ((h->nslabs + 1) * 2 <= h->index_cap) return true;
  Heap bigger = {.index_cap = h->index_cap ? h->index_cap * 2 : 16};
  bigger.index = calloc(bigger.index_cap, sizeof *bigger.index);
  if (!bigger.index) return false;
  for (uint32_t i = 0; i < h->index_cap; i++)
    if (h->index[i]) bigger.index[slot_for(&bigger, h->index[i])] = h->index[i];
  free(h->index);
  h->index = bigger.index;
  h->index_cap = bigger.index_cap;
  return true;
}

static bool slab_add(Heap *h)
{
  if (!index_grow(h)) return false;
  BoxSlab *slab = aligned_alloc(BOX_SLAB, BOX_SLAB);
  if (!slab) return false;
  memset(slab, 0, BOX_SLAB);
  h->index[slot_for(h, (uintptr_t)slab)] = (uintptr_t)slab;
  h->nslabs++;
  slab->next = h->slabs;
  h->slabs = slab;
  h->scan = slab;
  h->scan_at = 0;
  return true;
}

void lw_heap_free(Heap *h)
{
  for (BoxSlab *s = h->slabs, *next; s; s = next) {
    next = s->next;
    free(s);
  }
  free(h->index);
  *h = (Heap){0};
}

static ExternBox *box_free_one(Heap *h)
{
  for (; h->scan; h->scan = h->scan->next, h->scan_at = 0)
    while (h->scan_at < BOXES_PER_SLAB) {
      ExternBox *b = &h->scan->boxes[h->scan_at++];
      if (b->used == BOX_FREE) return b;
    }
  return NULL;
}

uint64_t lw_extern_new(Store *s, void *owner, uint32_t slot)
{
  Heap *h = &s->heap;
  ExternBox *b = box_free_one(h);
  if (!b && slab_add(h)) b = box_free_one(h);
  if (!b) return 0;
  *b = (ExternBox){owner, slot, false, BOX_USED};
  h->live++;
  h->since++;
  return (uintptr_t)b;
}

const ExternBox *lw_extern_of(uint64_t ref)
{
  const ExternBox *b = (const ExternBox *)(uintptr_t)ref;
  assert(!b || b->used == BOX_USED);
  return b;
}

static bool is_slab(const Heap *h, uintptr_t slab)
{
  /* 0 is a free place */
  return slab && h->index_cap && h->index[slot_for(h, slab)] == slab;
}

static void mark_box_at(const Heap *h, uintptr_t p)
{
  uintptr_t slab = p & ~(uintptr_t)(BOX_SLAB - 1), at = p - slab;
  if (at < offsetof(BoxSlab, boxes) || !is_slab(h, slab)) return;
  at = (at - offsetof(BoxSlab, boxes)) / sizeof(ExternBox);
  if (at < BOXES_PER_SLAB) ((BoxSlab *)slab)->boxes[at].marked = true;
}

/* ---- what else can be freed: shells and host functions that nobody holds ---- */

typedef struct Range {
  uintptr_t at, end;
  bool *marked;
} Range;

typedef struct Ranges {
  Range *of; /* sorted by address; NULL: no memory, so nothing of it is freed */
  size_t n;
} Ranges;

static bool host_loose(const HostFunc *f)
{
  return f->refs == 0;
}
static bool shell_loose(const Shell *s)
{
  return s->instance == NULL;
}

static int by_address(const void *a, const void *b)
{
  uintptr_t x = ((const Range *)a)->at, y = ((const Range *)b)->at;
  return x < y ? -1 : x > y;
}

/* `all`: also those that somebody holds, to learn whether wasm refers to them too. */
static Ranges ranges_of(Store *s, bool all)
{
  Ranges r = {NULL, 0};
  size_t n = 0;
  for (HostFunc *f = s->hosts; f; f = f->next)
    n += all || host_loose(f), f->marked = false;
  for (Shell *h = s->shells; h; h = h->next)
    n += all || shell_loose(h), h->marked = false;
  if (n && (r.of = malloc(n * sizeof *r.of))) {
    for (HostFunc *f = s->hosts; f; f = f->next)
      if (all || host_loose(f))
        r.of[r.n++] = (Range){(uintptr_t)f, (uintptr_t)(f + 1), &f->marked};
    for (Shell *h = s->shells; h; h = h->next)
      if (all || shell_loose(h))
        r.of[r.n++] = (Range){(uintptr_t)h, (uintptr_t)&h->cells[h->ncells], &h->marked};
    assert(r.n == n);
    qsort(r.of, r.n, sizeof *r.of, by_address);
  }
  return r;
}

static void mark_range_at(const Ranges *r, uintptr_t p)
{
  size_t low = 0, high = r->n;
  while (low < high) { /* the last range that begins at or before p */
    size_t mid = low + (high - low) / 2;
    if (r->of[mid].at <= p)
      low = mid + 1;
    else
      high = mid;
  }
  if (low && p <= r->of[low - 1].end) *r->of[low - 1].marked = true;
}

/* ---- mark ---- */

typedef struct Marker {
  const Heap *heap;
  Ranges ranges;
} Marker;

/* A word that may or may not be a reference. */
static void mark_word(const Marker *k, uintptr_t p)
{
  mark_box_at(k->heap, p);
  mark_box_at(k->heap, p - 1); /* one past a box's end is the next one's start */
  if (k->ranges.n) {
    mark_range_at(&k->ranges, p);
    mark_range_at(&k->ranges, p - 1);
  }
}

static void mark_cell(const FuncCell *c)
{
  if (!c) return;
  if (c->shell)
    c->shell->marked = true;
  else
    lw_cell_host(c)->marked = true;
}

static void mark_ref(ValType t, uint64_t ref)
{
  if (!ref) return;
  assert(lw_val_is_ref(t));
  if (lw_val_heap(t) == HEAP_EXTERN)
    ((ExternBox *)(uintptr_t)ref)->marked = true;
  else
    mark_cell((const FuncCell *)(uintptr_t)ref);
}

static void mark_instance(Instance *i)
{
  if (i->state == INSTANCE_CLOSED) return;
  const Module *m = i->module;
  for (uint32_t k = 0; k < m->nfuncs_imported; k++)
    mark_cell(lw_instance_func(i, k));
  for (uint32_t k = 0; k < m->nglobals; k++) {
    ValType t = m->globals[k].type.type;
    if (lw_val_is_ref(t)) mark_ref(t, lw_instance_global_value(i, k)->ref);
  }
}

static void mark_stack(const Marker *k, const Activation *a)
{
  for (int n = 0; n < ABI_REGS; n++)
    mark_word(k, a->gpr[n]);
  mark_cell(a->entry);
  if (a->callee) a->callee->marked = true;
  if (a->state == ACT_DEAD) return; /* it never runs again */
  /* A finished one has nothing but its result area, which lies on top. */
  const uintptr_t *top = (const uintptr_t *)(void *)lw_stack_top(a);
  const uintptr_t *p = a->guest_sp;
  assert((uintptr_t)p % sizeof *p == 0 && p <= top);
  for (; p < top; p++)
    mark_word(k, *p);
}

static void mark_all(Store *s, const Marker *k, const uint64_t *roots, size_t nroots)
{
  for (const Table *t = s->tables; t; t = t->next)
    for (uint64_t n = 0; n < t->length; n++)
      mark_ref(t->type.elem, t->elems[n]);
  for (const GlobalCell *g = s->globals; g; g = g->next)
    if (lw_val_is_ref(g->type.type)) mark_ref(g->type.type, g->value.ref);
  for (Instance *i = s->instances; i; i = i->next)
    mark_instance(i);
  for (Instance *i = s->closing; i; i = i->next)
    mark_instance(i);
  lw_snapshots_visit(s, mark_ref);
  for (const Activation *a = s->acts; a; a = a->next)
    mark_stack(k, a);
  for (size_t n = 0; n < nroots; n++)
    mark_word(k, roots[n]);
}

/* ---- sweep ---- */

static uint64_t sweep_boxes(Heap *h)
{
  uint64_t kept = 0;
  for (BoxSlab *slab = h->slabs; slab; slab = slab->next)
    for (uint32_t n = 0; n < BOXES_PER_SLAB; n++) {
      ExternBox *b = &slab->boxes[n];
      if (b->used == BOX_USED && !b->marked) b->used = BOX_DEAD;
      kept += b->used == BOX_USED;
      b->marked = false;
    }
  h->dead = h->slabs;
  h->dead_at = 0;
  return kept;
}

static void sweep_rest(Store *s, bool known)
{
  for (Shell *h = s->shells, *next; h; h = next) {
    next = h->next;
    if (known && shell_loose(h) && !h->marked) lw_shell_free(s, h);
  }
  for (HostFunc *f = s->hosts, *next; f; f = next) {
    next = f->next;
    if (known && host_loose(f) && !f->marked) lw_host_free(f);
  }
}

bool lw_gc_wanted(const Store *s)
{
  uint64_t threshold = s->heap.threshold ? s->heap.threshold : FIRST_THRESHOLD;
  return s->heap.since >= threshold;
}

static void collect(Store *s, const uint64_t *roots, size_t nroots, bool all)
{
  Heap *h = &s->heap;
  Marker k = {h, ranges_of(s, all)};
  mark_all(s, &k, roots, nroots);
  if (all && !k.ranges.of) { /* no memory to look at stacks with: spare everything */
    for (HostFunc *f = s->hosts; f; f = f->next)
      f->marked = true;
    for (Shell *shell = s->shells; shell; shell = shell->next)
      shell->marked = true;
  }
  uint64_t kept = sweep_boxes(h);
  sweep_rest(s, k.ranges.of != NULL);
  free(k.ranges.of);
  h->threshold = kept > FIRST_THRESHOLD ? kept : FIRST_THRESHOLD;
  h->since = 0;
  h->collections++;
}

void lw_gc_collect(Store *s, const uint64_t *roots, size_t nroots)
{
  collect(s, roots, nroots, false);
}

void lw_gc_survey(Store *s)
{
  collect(s, NULL, 0, true);
}

bool lw_gc_next_dead(Store *s, DeadSlot *out)
{
  Heap *h = &s->heap;
  bool looking = h->dead != NULL;
  for (; h->dead; h->dead = h->dead->next, h->dead_at = 0)
    while (h->dead_at < BOXES_PER_SLAB) {
      ExternBox *b = &h->dead->boxes[h->dead_at++];
      if (b->used != BOX_DEAD) continue;
      *out = (DeadSlot){b->owner, b->slot};
      b->used = BOX_FREE;
      h->live--;
      return true;
    }
  if (looking) { /* everything dead is free now: look for room from the start */
    h->scan = h->slabs;
    h->scan_at = 0;
  }
  return false;
}
