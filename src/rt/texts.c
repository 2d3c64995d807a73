/*
** texts.c -- the sorted array of text ranges.
** Layer: rt.
*/
#include "rt/texts.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "rt/symbols.h"

static TextRange *ranges;
static size_t nranges, ranges_cap;
static uint64_t bytes;
static _Atomic(uint32_t) gone;

static size_t after(const uint8_t *pc) /* the first range that begins beyond pc */
{
  size_t low = 0, high = nranges;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (ranges[mid].at <= pc)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

bool lw_texts_add(const TextRange *range)
{
  assert(range->size > 0 && range->code && range->image);
  if (nranges == ranges_cap) {
    size_t cap = ranges_cap ? ranges_cap * 2 : 64;
    TextRange *more = realloc(ranges, cap * sizeof *more);
    if (!more) return false;
    ranges = more;
    ranges_cap = cap;
  }
  size_t n = after(range->at);
  assert(n == 0 || ranges[n - 1].at + ranges[n - 1].size <= range->at);
  memmove(&ranges[n + 1], &ranges[n], (nranges - n) * sizeof *ranges);
  ranges[n] = *range;
  nranges++;
  bytes += range->size;
  return true;
}

void lw_texts_remove(const uint8_t *at)
{
  size_t n = after(at);
  assert(n > 0 && ranges[n - 1].at == at);
  bytes -= ranges[n - 1].size;
  lw_gdb_forget(ranges[n - 1].gdb);
  memmove(&ranges[n - 1], &ranges[n], (nranges - n) * sizeof *ranges);
  nranges--;
  atomic_fetch_add(&gone, 1);
}

uint32_t lw_texts_gone(void)
{
  return atomic_load_explicit(&gone, memory_order_acquire);
}

const TextRange *lw_texts_find(const void *pc)
{
  size_t n = after(pc);
  if (n == 0 || (size_t)((const uint8_t *)pc - ranges[n - 1].at) >= ranges[n - 1].size)
    return NULL;
  return &ranges[n - 1];
}

uint64_t lw_texts_bytes(void)
{
  return bytes;
}

const TextRange *lw_texts_nth(size_t n)
{
  return n < nranges ? &ranges[n] : NULL;
}

struct GdbObject **lw_texts_gdb(const TextRange *range)
{
  size_t n = (size_t)(range - ranges);
  assert(n < nranges);
  return &ranges[n].gdb;
}

void lw_texts_forget_gdb(void)
{
  for (size_t n = 0; n < nranges; n++) {
    lw_gdb_forget(ranges[n].gdb);
    ranges[n].gdb = NULL;
  }
}
