/*
** decode.c -- the module as a whole: magic, sections in their order, totals.
** Layer: wasm.
*/
#include "wasm/decode.h"

#include <assert.h>
#include <string.h>

#include "base/cpu.h"
#include "wasm/instr.h"
#include "wasm/limits.h"
#include "wasm/skim.h"

typedef struct Section {
  Status (*decode)(Decoder *d);
  uint8_t rank; /* sections come in this order, each once */
} Section;

/* By section id; 0 is the custom section, which may be anywhere. */
/* clang-format off */
static const Section sections[] = {
  [1]  = {lw_decode_types,      1},
  [2]  = {lw_decode_imports,    2},
  [3]  = {lw_decode_funcs,      3},
  [4]  = {lw_decode_tables,     4},
  [5]  = {lw_decode_memories,   5},
  [13] = {lw_decode_tags,       6},
  [6]  = {lw_decode_globals,    7},
  [7]  = {lw_decode_exports,    8},
  [8]  = {lw_decode_start,      9},
  [9]  = {lw_decode_elems,      10},
  [12] = {lw_decode_data_count, 11},
  [10] = {lw_decode_code,       12},
  [11] = {lw_decode_datas,      13},
};
/* clang-format on */
enum { SECTION_CUSTOM = 0, SECTION__MAX = sizeof sections / sizeof *sections };

static Status decode_header(Decoder *d)
{
  static const uint8_t magic[4] = {0, 'a', 's', 'm'}, version[4] = {1, 0, 0, 0};
  static const uint8_t component[4] = {13, 0, 1, 0};
  const uint8_t *p;
  TRY(lw_read_bytes(&d->r, 4, &p));
  if (memcmp(p, magic, 4) != 0)
    return lw_fail(d->err, LW_MALFORMED, 0, "magic header not detected");
  TRY(lw_read_bytes(&d->r, 4, &p));
  if (memcmp(p, component, 4) == 0)
    return lw_fail(d->err, LW_MALFORMED, 4,
                   "unknown binary version: this is a component, as WASI preview 2 has "
                   "them, and no module");
  if (memcmp(p, version, 4) != 0)
    return lw_fail(d->err, LW_MALFORMED, 4, "unknown binary version");
  return LW_OK;
}

static Status decode_custom(Decoder *d)
{
  Module *m = d->m;
  Reader r = lw_reader(m->bytes, (size_t)lw_reader_at(&d->r),
                       d->section_end - (size_t)lw_reader_at(&d->r), d->err);
  Custom c;
  TRY(lw_read_name(&r, &c.name));
  c.bytes = (Span){(uint32_t)lw_reader_at(&r), (uint32_t)lw_reader_left(&r)};
  m->customs = lw_vec_room(&m->arena, m->customs, &d->customs_cap, m->ncustoms, sizeof c);
  if (!m->customs) return lw_nomem(d->err, "custom sections");
  m->customs[m->ncustoms++] = c;
  d->r.pos = r.end;
  return LW_OK;
}

static Status decode_section(Decoder *d, unsigned *rank)
{
  uint8_t id;
  uint32_t size;
  uint64_t at = lw_reader_at(&d->r);
  TRY(lw_read_byte(&d->r, &id));
  if (id >= SECTION__MAX)
    return lw_fail(d->err, LW_MALFORMED, at, "malformed section id %u", id);
  TRY(lw_leb_u32(&d->r, &size));
  if (size > lw_reader_left(&d->r))
    return lw_fail(d->err, LW_MALFORMED, at, "length out of bounds: section of %u bytes",
                   size);
  d->section_end = (size_t)lw_reader_at(&d->r) + size;
  if (id == SECTION_CUSTOM) {
    TRY(decode_custom(d));
  } else {
    if (sections[id].rank <= *rank)
      return lw_fail(d->err, LW_MALFORMED, at,
                     "unexpected content after last section: section id %u", id);
    *rank = sections[id].rank;
    TRY(sections[id].decode(d));
  }
  if (lw_reader_at(&d->r) != d->section_end)
    return lw_reader_bad(&d->r, "section size mismatch");
  return LW_OK;
}

static Status check_totals(Decoder *d)
{
  const Module *m = d->m;
  if (d->nbodies != m->nfuncs - m->nfuncs_imported)
    return lw_reader_bad(&d->r, "function and code section have inconsistent lengths");
  if (m->has_data_count && d->data_count != m->ndatas)
    return lw_reader_bad(&d->r, "data count and data section have inconsistent lengths");
  return LW_OK;
}

static Status decode_module(Decoder *d)
{
  unsigned rank = 0;
  TRY(decode_header(d));
  while (lw_reader_left(&d->r))
    TRY(decode_section(d, &rank));
  TRY(check_totals(d));
  return lw_names_read(d->m, d->err);
}

Status lw_decode_expr(Decoder *d, Span *out)
{
  uint64_t at = lw_reader_at(&d->r);
  TRY(lw_instr_skip_expr(&d->r, d->m->features));
  *out = (Span){(uint32_t)at, (uint32_t)(lw_reader_at(&d->r) - at)};
  assert(out->size > 0);
  return LW_OK;
}

/*
** Something behind the start of the code section is malformed. The standard's decoder
** does not jump over bodies, so an error inside one of them comes first, and so does a
** body that does not end where its size says. Worth a second look, for the message.
*/
static Status explain(Decoder *d, Status s)
{
  if (s != LW_MALFORMED || d->code_at == 0) return s;
  Err found = {0};
  uint32_t count, size;
  Reader r =
    lw_reader(d->m->bytes, (size_t)d->code_at, d->m->size - (size_t)d->code_at, &found);
  if (lw_leb_u32(&r, &count) != LW_OK) return s;
  for (uint32_t i = 0; i < count; i++) {
    if (lw_leb_u32(&r, &size) != LW_OK) return s;
    uint64_t start = lw_reader_at(&r);
    Status bad = lw_skim_body(&r, d->m->features);
    if (bad == LW_OK && lw_reader_at(&r) - start != size)
      bad = lw_reader_bad(&r, "section size mismatch");
    if (bad == LW_MALFORMED) *d->err = found;
    if (bad != LW_OK) return s;
  }
  return s;
}

static uint64_t allowed_features(const DecodeOptions *opts)
{
  uint64_t all = FEATS_ALL;
  if (!(lw_cpu_features() & CPU_SSE41))
    all &= ~((uint64_t)1 << FEAT_SIMD | (uint64_t)1 << FEAT_RELAXED_SIMD);
  if (!opts || opts->features == 0) return all;
  return (opts->features & all) | (uint64_t)1 << FEAT_MVP;
}

Status lw_module_decode(const uint8_t *bytes, size_t size, const DecodeOptions *opts,
                        Module *m, Err *err)
{
  *m = (Module){.bytes = bytes, .size = size, .start = UINT32_MAX};
  m->features = allowed_features(opts);
  if (size > LIMIT_MODULE_BYTES)
    return lw_fail(err, LW_LIMIT, ERR_NOWHERE,
                   "module too large: %zu bytes, the limit is %d", size,
                   LIMIT_MODULE_BYTES);
  Decoder d = {.r = lw_reader(bytes, 0, size, err), .m = m, .err = err};
  Status s = explain(&d, decode_module(&d));
  if (s != LW_OK) lw_module_free(m);
  return s;
}

void lw_module_free(Module *m)
{
  lw_arena_free(&m->arena);
  *m = (Module){.start = UINT32_MAX};
}

Name lw_module_func_name(const Module *m, uint32_t func)
{
  assert(func < m->nfuncs);
  if (m->func_names && m->func_names[func].len) return m->func_names[func];
  for (uint32_t i = 0; i < m->nexports; i++)
    if (m->exports[i].kind == EXTERN_FUNC && m->exports[i].index == func)
      return m->exports[i].name;
  return (Name){"", 0};
}

const Export *lw_module_export(const Module *m, const char *name, size_t len)
{
  for (uint32_t i = 0; i < m->nexports; i++) {
    const Name *n = &m->exports[i].name;
    if (n->len == len && memcmp(n->text, name, len) == 0) return &m->exports[i];
  }
  return NULL;
}
