/*
** validate_module.c -- everything about a module but the types inside bodies.
**
** Standard, section 3.5, in its order. Decoding has already made sure that all spans lie
** inside the module and that features are there; here indexes, limits, types of constant
** expressions and names are checked, then each body.
** Layer: wasm.
*/
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wasm/complain.h"
#include "wasm/constexpr.h"
#include "wasm/facts.h"
#include "wasm/limits.h"
#include "wasm/match.h"
#include "wasm/skim.h"

enum { PAGES_MAX = 65536 };

/* ---- escapes: functions that a reference can be taken of ---- */

static void escape(Module *m, uint32_t func)
{
  assert(func < m->nfuncs);
  if (m->funcs[func].escape == NO_ESCAPE) m->funcs[func].escape = m->nescapes++;
}

/* Functions named by ref.func in a checked expression. */
static Status escape_expr(Module *m, Span expr, Err *err)
{
  Reader r = lw_constexpr_reader(m, expr, err);
  ConstOp op;
  do {
    TRY(lw_constexpr_next(&r, m->features, &op));
    if (op.op == OP_REF_FUNC) escape(m, op.index);
  } while (op.op != OP_END);
  return LW_OK;
}

static Status list_escapes(Module *m, Err *err)
{
  m->escapes = ARENA_RAW(&m->arena, uint32_t, (size_t)m->nescapes + 1);
  if (!m->escapes) return lw_nomem(err, "functions that escape");
  for (uint32_t i = 0; i < m->nfuncs; i++)
    if (m->funcs[i].escape != NO_ESCAPE) m->escapes[m->funcs[i].escape] = i;
  return LW_OK;
}

/* Check an expression and note the functions in it. All globals may be used that are
   before `nglobals`. */
static Status check_expr(Module *m, Span expr, ValType want, uint32_t nglobals, Err *err)
{
  TRY(lw_constexpr_check(m, expr, want, nglobals, err));
  return escape_expr(m, expr, err);
}

/* ---- one function for each index space ---- */

static Status check_limits(const Limits *l, uint64_t most, const char *too_large,
                           Err *err)
{
  if (l->min > most || (l->has_max && l->max > most))
    return lw_fail(err, LW_INVALID, ERR_NOWHERE, "%s", too_large);
  if (l->has_max && l->min > l->max)
    return lw_fail(err, LW_INVALID, ERR_NOWHERE,
                   "size minimum must not be greater than maximum");
  return LW_OK;
}

static Status check_funcs(const Module *m, Err *err)
{
  for (uint32_t i = 0; i < m->nfuncs; i++)
    TRY(lw_type_is_func(m, m->funcs[i].type, m->funcs[i].body.at, err));
  return LW_OK;
}

/* The run time, not we, refuses tables beyond LIMIT_TABLE_ELEMS: such a module is valid.
 */
static Status check_tables(Module *m, Err *err)
{
  for (uint32_t i = 0; i < m->ntables; i++) {
    const TableDef *t = &m->tables[i];
    const Limits *l = &t->type.limits;
    TRY(lw_type_known(m, t->type.elem, t->at, err));
    TRY(check_limits(l, l->is64 ? UINT64_MAX : UINT32_MAX,
                     "table size must be at most 2^32-1", err));
    if (t->init.size)
      TRY(check_expr(m, t->init, t->type.elem, m->nglobals_imported, err));
    else if (!(t->type.elem & VAL_NULLABLE) && i >= m->ntables_imported)
      return lw_fail(err, LW_INVALID, t->at,
                     "type mismatch: a table of non-nullable references needs an "
                     "initializer");
  }
  return LW_OK;
}

static Status check_memories(const Module *m, Err *err)
{
  for (uint32_t i = 0; i < m->nmemories; i++) {
    const Limits *l = &m->memories[i];
    uint64_t most = l->is64 ? (uint64_t)PAGES_MAX << 32 : PAGES_MAX;
    if (l->bytes) most = l->is64 ? UINT64_MAX : UINT32_MAX;
    TRY(check_limits(l, most, "memory size must be at most 65536 pages (4GiB)", err));
    if (l->shared && !l->has_max)
      return lw_fail(err, LW_INVALID, ERR_NOWHERE, "shared memory must have maximum");
  }
  return LW_OK;
}

static Status check_tags(const Module *m, Err *err)
{
  for (uint32_t i = 0; i < m->ntags; i++) {
    TRY(lw_type_is_func(m, m->tags[i], ERR_NOWHERE, err));
    if (lw_module_signature(m, m->tags[i])->nresults)
      return lw_fail(err, LW_INVALID, ERR_NOWHERE, "non-empty tag result type: tag %u",
                     i);
  }
  return LW_OK;
}

static Status check_globals(Module *m, Err *err)
{
  for (uint32_t i = 0; i < m->nglobals; i++) {
    const Global *g = &m->globals[i];
    TRY(lw_type_known(m, g->type.type, g->init.at, err));
    if (i >= m->nglobals_imported) TRY(check_expr(m, g->init, g->type.type, i, err));
  }
  return LW_OK;
}

/* ---- exports and start ---- */

static int by_name(const void *pa, const void *pb)
{
  const Name *a = pa, *b = pb;
  if (a->len != b->len) return a->len < b->len ? -1 : 1;
  return memcmp(a->text, b->text, a->len);
}

/* Sorted, equal names are neighbours. */
static Status check_export_names(const Module *m, Arena *scratch, Err *err)
{
  Name *names = ARENA_RAW(scratch, Name, (size_t)m->nexports + 1);
  if (!names) return lw_nomem(err, "export names");
  for (uint32_t i = 0; i < m->nexports; i++)
    names[i] = m->exports[i].name;
  qsort(names, m->nexports, sizeof *names, by_name);
  for (uint32_t i = 1; i < m->nexports; i++)
    if (by_name(&names[i - 1], &names[i]) == 0)
      return lw_fail(err, LW_INVALID,
                     (uint64_t)((const uint8_t *)names[i].text - m->bytes),
                     "duplicate export name \"%.*s\"",
                     (int)(names[i].len < 80 ? names[i].len : 80), names[i].text);
  return LW_OK;
}

static Status check_exports(Module *m, Arena *scratch, Err *err)
{
  const uint32_t count[EXTERN__MAX] = {m->nfuncs, m->ntables, m->nmemories, m->nglobals,
                                       m->ntags};
  for (uint32_t i = 0; i < m->nexports; i++) {
    const Export *e = &m->exports[i];
    if (e->index >= count[e->kind])
      return lw_bad_index(lw_extern_text(e->kind), e->index,
                          (uint64_t)((const uint8_t *)e->name.text - m->bytes), err);
    if (e->kind == EXTERN_FUNC) escape(m, e->index);
    if (e->kind == EXTERN_GLOBAL) m->globals[e->index].exported = true;
  }
  return check_export_names(m, scratch, err);
}

static Status check_start(const Module *m, Err *err)
{
  if (m->start == UINT32_MAX) return LW_OK;
  if (m->start >= m->nfuncs) return lw_bad_index("function", m->start, ERR_NOWHERE, err);
  const FuncType *t = lw_module_functype(m, m->start);
  if (t->nparams || t->nresults)
    return lw_fail(err, LW_INVALID, ERR_NOWHERE,
                   "start function must have neither parameters nor results");
  return LW_OK;
}

/* ---- segments ---- */

static Status check_active_elem(Module *m, const Elem *e, Err *err)
{
  if (e->table >= m->ntables) return lw_bad_index("table", e->table, e->offset.at, err);
  const TableType *t = &m->tables[e->table].type;
  if (!lw_match(m, e->type, t->elem))
    return lw_fail(err, LW_INVALID, e->offset.at,
                   "type mismatch: the element segment does not fit the table");
  return check_expr(m, e->offset, t->limits.is64 ? VAL_I64 : VAL_I32, m->nglobals, err);
}

static Status check_elem(Module *m, const Elem *e, Err *err)
{
  TRY(lw_type_known(m, e->type, e->offset.at, err));
  for (uint32_t i = 0; e->funcs && i < e->count; i++) {
    if (e->funcs[i] >= m->nfuncs)
      return lw_bad_index("function", e->funcs[i], e->offset.at, err);
    escape(m, e->funcs[i]);
  }
  for (uint32_t i = 0; e->exprs && i < e->count; i++)
    TRY(check_expr(m, e->exprs[i], e->type, m->nglobals, err));
  return e->mode == SEG_ACTIVE ? check_active_elem(m, e, err) : LW_OK;
}

static Status check_data(Module *m, const Data *d, Err *err)
{
  if (d->mode != SEG_ACTIVE) return LW_OK;
  if (d->memory >= m->nmemories)
    return lw_bad_index("memory", d->memory, d->offset.at, err);
  ValType addr = m->memories[d->memory].is64 ? VAL_I64 : VAL_I32;
  return check_expr(m, d->offset, addr, m->nglobals, err);
}

/* ---- all of it ---- */

/*
** Locals cost nothing to declare: 10 bytes make 50,000, in each of a million functions.
** Everything that handles a function takes time for each of its locals, so all of them
** together are limited by the size of the code.
*/
static Status check_locals(const Module *m, Err *err)
{
  uint64_t total = 0;
  uint64_t limit = LIMIT_LOCALS_ALL + (uint64_t)LIMIT_LOCALS_PER_BYTE * m->code.size;
  for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
    Span body = m->funcs[i].body;
    Reader r = lw_reader(m->bytes, body.at, body.size, err);
    uint64_t count;
    TRY(lw_skim_locals(&r, m->features, &count));
    total += count;
    if (total > limit && count <= LIMIT_LOCALS)
      return lw_fail(err, LW_LIMIT, body.at,
                     "too many locals in all functions, the limit is %llu",
                     (unsigned long long)limit);
  }
  return LW_OK;
}

static bool keep(Arena *arena, const void *from, size_t size, void *to)
{
  void *copy = lw_arena_raw(arena, size);
  if (copy && size) memcpy(copy, from, size);
  memcpy(to, &copy, sizeof copy);
  return copy != NULL;
}

/* Write down the facts of a body, unless there are too many already. */
static Status enter(FactsBook *book, const Module *m, uint32_t func,
                    const BodyFacts *facts, Err *err)
{
  enum { MOST_PER_BYTE = 2, MOST_BASE = 1 << 20 };
  BodyFacts kept = *facts;
  uint32_t nassigned = 0;
  if (book->arena.total / MOST_PER_BYTE > m->code.size + (size_t)MOST_BASE) return LW_OK;
  for (uint32_t i = 0; i < facts->nframes; i++)
    nassigned += facts->frames[i].count;
  if (!keep(&book->arena, facts->frames, facts->nframes * sizeof *facts->frames,
            &kept.frames) ||
      !keep(&book->arena, facts->assigned, nassigned * sizeof *facts->assigned,
            &kept.assigned) ||
      (facts->in_slot &&
       !keep(&book->arena, facts->in_slot, facts->nlocals, &kept.in_slot)))
    return lw_nomem(err, "facts about functions");
  book->bodies[func - m->nfuncs_imported] = kept;
  return LW_OK;
}

static Status check_body(Module *m, uint32_t func, FactsBook *book, BodyTraits *traits,
                         Arena *scratch, Err *err)
{
  if (!book) return lw_validate_body(m, func, traits, scratch, err);
  BodyFacts facts = {0};
  TRY(lw_validate_facts(m, func, &facts, traits, scratch, err));
  return enter(book, m, func, &facts, err);
}

static Status check_bodies(Module *m, FactsBook *book, Arena *scratch, Err *err)
{
  uint64_t matches = 0;
  for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
    BodyTraits traits;
    TRY(check_body(m, i, book, &traits, scratch, err));
    matches += traits.matches;
    if (matches > lw_matches_max(m->code.size))
      return lw_bad_matches(m->funcs[i].body.at, err);
    m->tail_leaves |= traits.leaves;
    m->funcs[i].small = traits.small;
    lw_arena_reset(scratch);
  }
  return LW_OK;
}

static bool names_type(ValType t)
{
  return lw_val_is_ref(t) && lw_val_heap(t) < HEAP_ABSTRACT;
}

/* Can something be made of it that names one of its types? Functions hold theirs. */
static bool names_types(const Module *m)
{
  for (uint32_t i = 0; i < m->ntypes; i++)
    if (m->types[i].kind != TYPE_FUNC) return true;
  for (uint32_t i = 0; i < m->ntables; i++)
    if (names_type(m->tables[i].type.elem)) return true;
  for (uint32_t i = 0; i < m->nglobals; i++)
    if (names_type(m->globals[i].type.type)) return true;
  return false;
}

static Status check_outside(Module *m, Arena *scratch, Err *err)
{
  TRY(lw_types_check(m, scratch, err));
  TRY(check_funcs(m, err));
  TRY(check_tables(m, err));
  TRY(check_memories(m, err));
  TRY(check_globals(m, err));
  TRY(check_tags(m, err));
  TRY(check_exports(m, scratch, err));
  TRY(check_start(m, err));
  for (uint32_t i = 0; i < m->nelems; i++)
    TRY(check_elem(m, &m->elems[i], err));
  for (uint32_t i = 0; i < m->ndatas; i++)
    TRY(check_data(m, &m->datas[i], err));
  m->keeps_types = names_types(m);
  TRY(list_escapes(m, err));
  return check_locals(m, err);
}

/* ---- malformed comes before invalid ---- */

static Status skim_body(const Module *m, uint32_t func, Err *err)
{
  Span body = m->funcs[func].body;
  Reader r = lw_reader(m->bytes, body.at, body.size, err);
  TRY(lw_skim_body(&r, m->features));
  if (lw_reader_left(&r)) return lw_reader_bad(&r, "section size mismatch");
  return LW_OK;
}

/*
** Bodies are decoded and checked in one walk, so the first thing wrong may be invalid
** while a later one is malformed, and the standard decodes before it validates. So, once
** something is invalid, look through all bodies without types.
*/
static Status prefer_malformed(const Module *m, Status s, Err *err)
{
  if (s != LW_INVALID) return s;
  for (uint32_t i = m->nfuncs_imported; i < m->nfuncs; i++) {
    Err found = {0};
    if (skim_body(m, i, &found) != LW_MALFORMED) continue;
    *err = found;
    return LW_MALFORMED;
  }
  return s;
}

Status lw_module_validate_outside(Module *m, Err *err)
{
  Arena scratch = {0};
  m->nescapes = 0;
  Status s = check_outside(m, &scratch, err);
  lw_arena_free(&scratch);
  return prefer_malformed(m, s, err);
}

static Status validate_bodies(Module *m, FactsBook *book, Err *err)
{
  Arena scratch = {0};
  Status s = check_bodies(m, book, &scratch, err);
  lw_arena_free(&scratch);
  return prefer_malformed(m, s, err);
}

Status lw_module_validate_bodies(Module *m, Err *err)
{
  return validate_bodies(m, NULL, err);
}

Status lw_module_validate_into(Module *m, FactsBook *book, Err *err)
{
  *book = (FactsBook){0};
  book->bodies = ARENA_ARR(&book->arena, BodyFacts, m->nfuncs - m->nfuncs_imported);
  if (!book->bodies) return lw_nomem(err, "facts about functions");
  return validate_bodies(m, book, err);
}

void lw_book_free(FactsBook *book)
{
  lw_arena_free(&book->arena);
}

Status lw_module_validate(Module *m, Err *err)
{
  TRY(lw_module_validate_outside(m, err));
  return lw_module_validate_bodies(m, err);
}
