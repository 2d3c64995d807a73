/*
** symbols.c -- see symbols.h.
** Layer: rt.
*/
#include "rt/symbols.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "rt/lazy.h"

/* Export names are searched one by one: only where that cannot take long. */
enum { MODULE_NAME = 64, EXPORTS_SEARCHED = 4096 };

static _Atomic(bool) on[SYMBOLS__MAX];

/* ---- names ---- */

static size_t put_clean(char *to, size_t room, Name name)
{
  size_t n = name.len < room ? name.len : room;
  memcpy(to, name.text, n);
  for (size_t i = 0; i < n; i++)
    if (to[i] < ' ' || to[i] > '~') to[i] = '?';
  return n;
}

void lw_symbol_name(const Code *c, uint32_t func, char out[SYMBOL_NAME])
{
  const Module *m = lw_code_module(c);
  size_t at;
  if (m->name.len)
    at = put_clean(out, MODULE_NAME, m->name);
  else
    at =
      (size_t)snprintf(out, MODULE_NAME, "wasm-%08" PRIx64, lw_code_hash(c).high >> 32);
  out[at++] = '!';
  if (func == NO_FUNC) {
    snprintf(out + at, SYMBOL_NAME - at, "(thunks)");
    return;
  }
  uint32_t index = m->nfuncs_imported + func;
  Name name = {0};
  if (m->nexports <= EXPORTS_SEARCHED)
    name = lw_module_func_name(m, index);
  else if (m->func_names)
    name = m->func_names[index];
  if (name.len == 0) {
    snprintf(out + at, SYMBOL_NAME - at, "func[%u]", index);
    return;
  }
  at += put_clean(out + at, SYMBOL_NAME - 1 - at, name);
  out[at] = '\0';
}

/* ---- who is told ---- */

/* The symbols of a range, on the heap; NULL: none, or no memory. */
static TextSymbol *symbols_of(const TextRange *r, uint32_t *n)
{
  const CodeImage *i = r->image;
  if (r->chunk) return lw_lazy_symbols(i->lazy, r->chunk, n);
  *n = i->lazy ? 1 : i->image.nfuncs;
  TextSymbol *list = *n ? malloc(*n * sizeof *list) : NULL;
  if (!list) return NULL;
  if (i->lazy) {
    list[0] = (TextSymbol){r->at, r->size, NO_FUNC};
    return list;
  }
  for (uint32_t k = 0; k < *n; k++) {
    uint32_t from = i->image.func_at[k], to = i->image.func_at[k + 1];
    assert(from <= to && to <= r->size);
    list[k] = (TextSymbol){r->at + from, to - from, k};
  }
  return list;
}

static void tell_range(SymbolsTool tool, const TextRange *r)
{
  uint32_t n;
  TextSymbol *list = symbols_of(r, &n);
  if (!list) return;
  if (tool == SYMBOLS_PERF)
    on[SYMBOLS_PERF] = lw_perf_tell(r->code, list, n);
  else
    lw_gdb_tell(r->code, list, n, lw_texts_gdb(r));
  free(list);
}

static void tell_all(SymbolsTool tool)
{
  const TextRange *r;
  for (size_t k = 0; on[tool] && (r = lw_texts_nth(k)) != NULL; k++)
    tell_range(tool, r);
}

/* A child writes to a map of its own, which begins with what its parent knew. */
static bool perf_is_ours(void)
{
  if (!lw_perf_is_stale()) return true;
  Err ignored = {.at = ERR_NOWHERE};
  on[SYMBOLS_PERF] = lw_perf_switch(true, &ignored) == LW_OK;
  tell_all(SYMBOLS_PERF);
  return false;
}

Status lw_symbols_switch(SymbolsTool tool, bool want, Err *err)
{
  Status s = LW_OK;
  assert(tool < SYMBOLS__MAX);
  lw_lock(LOCK_CODES);
  bool was = on[tool];
  if (tool == SYMBOLS_PERF && (!was || !want || lw_perf_is_stale())) {
    s = lw_perf_switch(want, err);
    was = false;
  }
  if (tool == SYMBOLS_GDB && !want) lw_texts_forget_gdb();
  on[tool] = want && s == LW_OK;
  if (!was) tell_all(tool);
  lw_unlock(LOCK_CODES);
  return s;
}

bool lw_symbols_on(SymbolsTool tool)
{
  return on[tool];
}

void lw_symbols_range(const TextRange *range)
{
  if (on[SYMBOLS_PERF] && perf_is_ours()) tell_range(SYMBOLS_PERF, range);
  if (on[SYMBOLS_GDB]) tell_range(SYMBOLS_GDB, range);
}

void lw_symbols_func(const TextSymbol *symbol)
{
  if (!on[SYMBOLS_PERF] && !on[SYMBOLS_GDB]) return;
  const TextRange *r = lw_texts_find(symbol->at);
  assert(r && r->chunk);
  if (on[SYMBOLS_PERF] && perf_is_ours())
    on[SYMBOLS_PERF] = lw_perf_tell(r->code, symbol, 1);
  if (on[SYMBOLS_GDB]) lw_gdb_tell(r->code, symbol, 1, lw_texts_gdb(r));
}
