/*
** names.c -- the name section: what to call the module and its functions.
**
** It is advice for people: what is damaged is ignored, and never makes a module bad.
** Standard, appendix "Custom Sections".
** Layer: wasm.
*/
#include <assert.h>
#include <string.h>

#include "wasm/decode.h"

enum { NAMES_MODULE = 0, NAMES_FUNCS = 1, NAMES_GLOBALS = 7 };

/* Function names: ascending indexes, each with a name. */
static Status read_func_names(Reader *r, Module *m)
{
  uint32_t count;
  uint64_t after = 0; /* 1 + the last index seen */
  TRY(lw_leb_u32(r, &count));
  if (count == 0) return LW_OK;
  Name *names = ARENA_ARR(&m->arena, Name, m->nfuncs + 1);
  if (!names) return lw_nomem(r->err, "function names");
  for (uint32_t i = 0; i < count; i++) {
    uint32_t func;
    Name name;
    TRY(lw_leb_u32(r, &func));
    TRY(lw_read_name(r, &name));
    if (func < after || func >= m->nfuncs) return lw_reader_bad(r, "index out of order");
    names[func] = name;
    after = (uint64_t)func + 1;
  }
  m->func_names = names;
  return LW_OK;
}

static Status read_subsection(Reader *r, Module *m)
{
  uint8_t id;
  uint32_t size;
  const uint8_t *start;
  Name name;
  TRY(lw_read_byte(r, &id));
  TRY(lw_leb_u32(r, &size));
  TRY(lw_read_bytes(r, size, &start));
  Reader sub = {r->base, start, start + size, r->err};
  switch (id) {
  case NAMES_MODULE:
    TRY(lw_read_name(&sub, &name));
    m->name = name;
    return LW_OK;
  case NAMES_FUNCS: return m->func_names ? LW_OK : read_func_names(&sub, m);
  default: return LW_OK; /* locals, labels, ...: nobody asks yet */
  }
}

Status lw_names_read(Module *m, Err *err)
{
  static const char section[] = "name";
  for (uint32_t i = 0; i < m->ncustoms; i++) {
    const Custom *c = &m->customs[i];
    if (c->name.len != sizeof section - 1 ||
        memcmp(c->name.text, section, c->name.len) != 0)
      continue;
    Err damage = {0}; /* stays here */
    Reader r = lw_reader(m->bytes, c->bytes.at, c->bytes.size, &damage);
    Status s = LW_OK;
    while (s == LW_OK && lw_reader_left(&r))
      s = read_subsection(&r, m);
    if (s == LW_NOMEM) return lw_nomem(err, "function names");
    return LW_OK; /* the first one counts */
  }
  return LW_OK;
}

uint32_t lw_module_func_at(const Module *m, uint32_t offset)
{
  uint32_t low = m->nfuncs_imported, high = m->nfuncs;
  assert(low < high);
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (m->funcs[middle].body.at <= offset)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The index that a name map (subsection 7) gives `name`, or -1. */
static int64_t find_in_map(Reader *r, const char *name, size_t len)
{
  uint32_t count, index;
  Name entry;
  if (lw_leb_u32(r, &count) != LW_OK) return -1;
  for (; count; count--) {
    if (lw_leb_u32(r, &index) != LW_OK || lw_read_name(r, &entry) != LW_OK) return -1;
    if (entry.len == len && memcmp(entry.text, name, len) == 0) return index;
  }
  return -1;
}

int64_t lw_module_global_named(const Module *m, const char *name)
{
  for (uint32_t i = 0; i < m->ncustoms; i++) {
    const Custom *c = &m->customs[i];
    if (c->name.len != 4 || memcmp(c->name.text, "name", 4) != 0) continue;
    Err damage = {0}; /* a damaged section names nothing */
    Reader r = lw_reader(m->bytes, c->bytes.at, c->bytes.size, &damage);
    while (lw_reader_left(&r)) {
      uint8_t id;
      uint32_t size;
      const uint8_t *start;
      if (lw_read_byte(&r, &id) != LW_OK || lw_leb_u32(&r, &size) != LW_OK ||
          lw_read_bytes(&r, size, &start) != LW_OK)
        return -1;
      Reader sub = {r.base, start, start + size, &damage};
      if (id != NAMES_GLOBALS) continue;
      int64_t index = find_in_map(&sub, name, strlen(name));
      return index < (int64_t)m->nglobals ? index : -1;
    }
  }
  return -1;
}
