/*
** stack.c -- the pool of activations with their private stacks.
**
** A dropped activation keeps its stack, so the next call costs no system call.
** POOL_HOT of them keep all the pages they ever touched and are taken first; the
** others (cold) give back all but the top page; beyond POOL_MAX, and for stacks of
** unusual size, nothing is kept. So 10,000 parked calls leave no more behind than a
** handful.
** Layer: rt.
*/
#include "rt/stack.h"

#include <assert.h>
#include <stdlib.h>

#include "base/os.h"
#include "rt/state.h"

Activation *lw_stack_new(size_t size)
{
  if (size == 0) size = STACK_DEFAULT;
  if (size < STACK_MIN) size = STACK_MIN;
  if (size > STACK_MAX) return NULL;
  size = lw_os_pages(size);
  Activation *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->stack_size = STACK_HARD + STACK_SOFT + size;
  a->stack = lw_os_reserve(a->stack_size);
  if (a->stack) {
    a->limit = a->stack + STACK_HARD + STACK_SOFT;
    if (lw_os_commit(a->limit, size)) return a;
    lw_os_release(a->stack, a->stack_size);
  }
  free(a);
  return NULL;
}

static void unmap(Activation *a)
{
  lw_os_release(a->stack, a->stack_size);
  free(a);
}

bool lw_stack_open_room(Activation *a)
{
  if (a->soft_open) return false;
  a->soft_open = lw_os_protect_write(a->limit - STACK_SOFT, STACK_SOFT);
  return a->soft_open;
}

static bool close_room(Activation *a)
{
  if (!a->soft_open) return true;
  a->soft_open = !lw_os_decommit(a->limit - STACK_SOFT, STACK_SOFT);
  return !a->soft_open;
}

void lw_stack_detach(Activation *a)
{
  lw_os_release(a->stack, a->stack_size);
  a->stack = a->limit = NULL;
  a->stack_size = 0;
}

Activation *lw_stack_take_cold(Store *s)
{
  Activation *a = s->cold;
  if (!a) return lw_stack_new(0);
  s->cold = a->next;
  s->ncold--;
  return a;
}

void lw_stack_retire(Activation *a)
{
  Store *s = a->store;
  if (a->stack_size != STACK_WHOLE || s->ncold >= POOL_MAX - POOL_HOT || !close_room(a)) {
    unmap(a);
    return;
  }
  if (lw_stack_warm(s) < POOL_HOT) {
    a->next = s->pool;
    s->pool = a;
    return;
  }
  size_t cold = a->stack_size - STACK_HARD - STACK_SOFT - lw_os_page_size();
  (void)lw_os_discard(a->limit, cold); /* refused: the pages stay, which is only dear */
  a->next = s->cold;
  s->cold = a;
  s->ncold++;
}

static void free_list(Activation **list)
{
  for (Activation *a = *list, *next; a; a = next) {
    next = a->next;
    unmap(a);
  }
  *list = NULL;
}

void lw_stack_free_pool(Store *s)
{
  free_list(&s->pool);
  free_list(&s->cold);
  s->ncold = 0;
}
