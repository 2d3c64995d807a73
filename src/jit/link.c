/*
** link.c -- the pipeline, function after function, into one image.
**
** Functions are compiled in index order into scratch memory that is forgotten after each;
** their text is appended to one buffer, where direct calls are then resolved. The pages
** that will be executed are written once, at the end, and published.
** Layer: jit.
*/
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "jit/choose.h"
#include "jit/compile.h"

enum { TEXT_ALIGN = 16, TEXT_FILLER = 0xcc, TEXT_LIMIT = INT32_MAX };

typedef struct Linker {
  const Module *m;
  Image *image;
  uint8_t *text;
  uint32_t size, cap;
  uint32_t nlines, lines_cap;
  CallSite *calls; /* `at` in the image's text */
  uint32_t ncalls, calls_cap;
  Err *err;
} Linker;

/* What is not in the book is found out in `walks`. */
static Status build(const Module *m, uint32_t func, const EmitOptions *opts, Arena *walks,
                    Arena *scratch, Func *f, Err *err)
{
  BodyFacts walked = {0};
  const BodyFacts *facts = lw_book_facts(opts->book, m, func);
  if (!facts) {
    TRY(lw_validate_func(m, func, &walked, walks, err));
    facts = &walked;
  }
  pass_done(opts->meter, PASS_FACTS, scratch);
  bool unroll = !opts->keep_loops && pass_wanted(PASS_UNROLL, func);
  bool inlines = !opts->keep_calls && pass_wanted(PASS_INLINE, func);
  BuildOptions build = {.loops = unroll ? opts->effort : 0,
                        .calls = inlines && opts->effort > 0,
                        .fuel = opts->fuel,
                        .book = opts->book,
                        .walks = walks};
  return lw_ir_build(m, func, facts, &build, scratch, f, err);
}

Status lw_compile_front(const Module *m, uint32_t func, const EmitOptions *opts,
                        Arena *scratch, Compiled *out, Err *err)
{
  Arena walks = {0};
  Status s = build(m, func, opts, &walks, scratch, &out->f, err);
  lw_arena_free(&walks);
  if (s != LW_OK) return s;
  pass_done(opts->meter, PASS_BUILD, scratch);
#ifndef NDEBUG
  TRY(lw_ir_verify(&out->f, err));
  pass_done(opts->meter, PASS_CHECK, scratch);
#endif
  TRY(lw_live(&out->f, scratch, &out->live, err));
  pass_done(opts->meter, PASS_LIVE, scratch);
  return LW_OK;
}

Status lw_compile_back(const EmitOptions *opts, Arena *scratch, Compiled *out, Err *err)
{
  PassMeter *meter = opts->meter;
  bool optimize = opts->effort > 0;
  uint32_t func = out->f.index;
  if (optimize && pass_wanted(PASS_FUSE, func)) {
    lw_target_fuse(&out->f, &out->live);
    pass_done(meter, PASS_FUSE, scratch);
  }
#ifndef NDEBUG
  if (optimize) lw_pass_spoil(&out->f);
#endif
  TRY(lw_target_select(&out->f, &out->live, opts, scratch, &out->sel, err));
  pass_done(meter, PASS_SELECT, scratch);
  if (optimize && pass_wanted(PASS_RA, func))
    TRY(lw_ra_scan(&out->sel, scratch, &out->alloc, err));
  else
    TRY(lw_ra_simple(&out->sel, scratch, &out->alloc, err));
  pass_done(meter, PASS_RA, scratch);
#ifndef NDEBUG
  TRY(lw_ra_check(&out->sel, &out->alloc, scratch, err));
  pass_done(meter, PASS_CHECK, scratch);
#endif
  TRY(lw_emit(&out->sel, &out->alloc, scratch, &out->code, err));
  pass_done(meter, PASS_EMIT, scratch);
  return LW_OK;
}

/* `array` with room for n + more entries. */
static void *room(Linker *l, void *array, uint32_t *cap, uint64_t n, size_t each)
{
  uint64_t want = *cap ? *cap : 4096 / each;
  if (array && n <= *cap) return array;
  while (want < n)
    want *= 2;
  void *grown = want <= UINT32_MAX ? realloc(array, (size_t)want * each) : NULL;
  if (!grown) {
    lw_nomem(l->err, "machine code");
    return NULL;
  }
  *cap = (uint32_t)want;
  return grown;
}

static Status append(Linker *l, const Unit *u)
{
  uint32_t at = (l->size + TEXT_ALIGN - 1) & ~(uint32_t)(TEXT_ALIGN - 1);
  uint64_t end = (uint64_t)at + u->size;
  if (end > TEXT_LIMIT)
    return lw_fail(l->err, LW_LIMIT, ERR_NOWHERE, "machine code exceeds 2 GiB");
  uint8_t *text = room(l, l->text, &l->cap, end, 1);
  if (!text) return LW_NOMEM;
  l->text = text;
  LineEntry *lines = room(l, l->image->lines, &l->lines_cap,
                          (uint64_t)l->nlines + u->nlines, sizeof *lines);
  if (!lines) return LW_NOMEM;
  l->image->lines = lines;
  CallSite *calls =
    room(l, l->calls, &l->calls_cap, (uint64_t)l->ncalls + u->ncalls, sizeof *calls);
  if (!calls) return LW_NOMEM;
  l->calls = calls;

  memset(text + l->size, TEXT_FILLER, at - l->size);
  memcpy(text + at, u->text, u->size);
  for (uint32_t i = 0; i < u->nlines; i++)
    lines[l->nlines++] = (LineEntry){at + u->lines[i].pc, u->lines[i].where};
  for (uint32_t i = 0; i < u->ncalls; i++)
    calls[l->ncalls++] = (CallSite){at + u->calls[i].at, u->calls[i].func};
  l->image->saves_ctx[l->image->nfuncs] = u->saves_ctx;
  l->image->func_at[l->image->nfuncs++] = at;
  l->size = (uint32_t)end;
  lw_stats_add(&l->image->stats, &u->stats);
  return LW_OK;
}

void lw_stats_add(CompileStats *sum, const CompileStats *more)
{
  sum->ns += more->ns;
  sum->code_bytes += more->code_bytes;
  sum->wasm_bytes += more->wasm_bytes;
  sum->ir_instructions += more->ir_instructions;
  sum->spills += more->spills;
  sum->reloads += more->reloads;
  sum->moves += more->moves;
  sum->fallbacks += more->fallbacks;
  if (more->peak_scratch > sum->peak_scratch) sum->peak_scratch = more->peak_scratch;
  if (more->largest_body > sum->largest_body) sum->largest_body = more->largest_body;
}

/* Compile one function; what *out points to lies in `scratch`. */
static Status compile(const Module *m, uint32_t func, const CompileOptions *opts,
                      PassMeter *meter, Arena *scratch, Unit *out, Err *err)
{
  Compiled c;
  EmitOptions emit = {
    .explicit_bounds = opts->explicit_bounds, .effort = opts->effort, .meter = meter};
  emit.fuel = opts->fuel;
  emit.book = opts->book;
  TRY(lw_compile_front(m, func, &emit, scratch, &c, err));
  TRY(lw_compile_back(&emit, scratch, &c, err));
  const FuncCode *code = &c.code;
  uint32_t body_bytes = m->funcs[func].body.size;
  *out = (Unit){
    .text = code->text,
    .lines = code->lines,
    .calls = code->calls,
    .size = code->size,
    .nlines = code->nlines,
    .ncalls = code->ncalls,
    .saves_ctx = code->saves_ctx,
    .stats = {.code_bytes = code->size,
              .wasm_bytes = body_bytes,
              .ir_instructions = c.f.nins,
              .spills = c.alloc.nspills,
              .reloads = c.alloc.nreloads,
              .moves = c.alloc.nmoves,
              .peak_scratch = scratch->peak,
              .fallbacks = opts->effort > 0 && c.alloc.simple,
              .largest_body = body_bytes},
  };
  return LW_OK;
}

static Status compile_all(Linker *l, const CompileOptions *opts, Arena *scratch)
{
  const Module *m = l->m;
  for (uint32_t func = m->nfuncs_imported; func < m->nfuncs; func++) {
    Unit u;
    PassMeter space, *meter = lw_meter_begin(&space, scratch);
    TRY(compile(m, func, opts, meter, scratch, &u, l->err));
    TRY(append(l, &u));
    pass_done(meter, PASS_LINK, scratch);
    lw_passes_add(meter, &u.stats);
    lw_arena_reset(scratch);
  }
  return LW_OK;
}

static bool copy(void *to, const void *from, size_t size)
{
  void **place = to;
  *place = malloc(size ? size : 1);
  if (*place && size) memcpy(*place, from, size);
  return *place != NULL;
}

Status lw_unit_compile(const Module *m, uint32_t func, const CompileOptions *opts,
                       Arena *scratch, Unit *out, Err *err)
{
  Unit u = {0};
  uint64_t start = lw_os_now_ns();
  PassMeter space, *meter = lw_meter_begin(&space, scratch);
  Status s = compile(m, func, opts, meter, scratch, &u, err);
  *out = u;
  if (s == LW_OK) {
    out->text = NULL, out->lines = NULL, out->calls = NULL;
    if (!copy(&out->text, u.text, u.size) ||
        !copy(&out->lines, u.lines, u.nlines * sizeof *u.lines) ||
        !copy(&out->calls, u.calls, u.ncalls * sizeof *u.calls)) {
      lw_unit_free(out);
      s = lw_nomem(err, "machine code");
    }
    out->stats.ns = lw_os_now_ns() - start;
    pass_done(meter, PASS_LINK, scratch);
    lw_passes_add(meter, s == LW_OK ? &u.stats : NULL);
  }
  lw_arena_reset(scratch);
  return s;
}

void lw_unit_free(Unit *u)
{
  free(u->text);
  free(u->lines);
  free(u->calls);
  *u = (Unit){0};
}

static void resolve_calls(const Linker *l)
{
  for (uint32_t i = 0; i < l->ncalls; i++) {
    uint32_t callee = l->calls[i].func - l->m->nfuncs_imported;
    assert(callee < l->image->nfuncs && l->calls[i].at + 4 <= l->size);
    uint32_t distance = l->image->func_at[callee] - (l->calls[i].at + 4);
    memcpy(l->text + l->calls[i].at, &distance, 4);
  }
}

static Status publish(Linker *l)
{
  if (l->size == 0) return LW_OK;
  uint8_t *text = lw_os_text_alloc(l->size);
  if (!text)
    return lw_fail(l->err, LW_NOMEM, ERR_NOWHERE,
                   "the system refused address space for machine code: see ulimit -v");
  memcpy(text, l->text, l->size);
  if (!lw_os_text_publish(text, l->size)) {
    lw_os_text_free(text, l->size);
    return lw_fail(l->err, LW_NOMEM, ERR_NOWHERE,
                   "the system refused to make code executable: see SELinux's execmem, "
                   "systemd's MemoryDenyWriteExecute and PR_SET_MDWE");
  }
  l->image->text = text;
  l->image->text_size = l->size;
  return LW_OK;
}

/* The tables of all functions, empty. */
static Status begin(Linker *l)
{
  Image *image = l->image;
  size_t nfuncs = l->m->nfuncs - l->m->nfuncs_imported;
  *image = (Image){0};
  image->func_at = malloc(sizeof *image->func_at * (nfuncs + 1));
  image->saves_ctx = calloc(nfuncs + 1, sizeof *image->saves_ctx);
  if (image->func_at && image->saves_ctx) return LW_OK;
  return lw_nomem(l->err, "machine code");
}

/* Whatever came of it; the text is the caller's. */
static void end(Linker *l, Status s)
{
  Image *image = l->image;
  if (s == LW_OK) resolve_calls(l);
  if (image->func_at) image->func_at[image->nfuncs] = l->size;
  image->nlines = l->nlines;
  image->stats.code_bytes = l->size;
  free(l->calls);
}

Status lw_image_compile(const Module *m, const CompileOptions *opts, Image *image,
                        Err *err)
{
  uint64_t start = lw_os_now_ns();
  Linker l = {.m = m, .image = image, .err = err};
  Arena scratch = {0};
  Status s = begin(&l);
  if (s == LW_OK) s = compile_all(&l, opts, &scratch);
  lw_arena_free(&scratch);
  PassMeter space, *meter = lw_meter_begin(&space, NULL);
  end(&l, s);
  if (s == LW_OK) s = publish(&l);
  pass_done(meter, PASS_LINK, NULL);
  lw_passes_add(meter, NULL);
  image->stats.ns = lw_os_now_ns() - start;
  free(l.text);
  if (s != LW_OK) lw_image_free(image);
  return s;
}

Status lw_image_join(const Module *m, const Unit *units, Image *image, Err *err)
{
  Linker l = {.m = m, .image = image, .err = err};
  Status s = begin(&l);
  for (uint32_t k = 0; s == LW_OK && k < m->nfuncs - m->nfuncs_imported; k++)
    s = append(&l, &units[k]);
  end(&l, s);
  image->text = l.text;
  image->text_size = l.size;
  if (s != LW_OK) lw_image_drop(image);
  return s;
}

void lw_image_drop(Image *image)
{
  free((void *)(uintptr_t)image->text);
  image->text = NULL;
  lw_image_free(image);
}

void lw_image_free(Image *image)
{
  /* text_free wants the address that text_alloc gave, which was not const */
  if (image->text) lw_os_text_free((void *)(uintptr_t)image->text, image->text_size);
  free(image->func_at);
  free(image->saves_ctx);
  free(image->lines);
  *image = (Image){0};
}

uint32_t lw_image_find(const Image *image, const void *pc)
{
  uint32_t low = 0, high = image->nfuncs;
  uintptr_t at = (uintptr_t)pc - (uintptr_t)image->text;
  if (!image->text || at > image->text_size || high == 0) return UINT32_MAX;
  while (high - low > 1) { /* func_at[low] <= at < func_at[high] */
    uint32_t middle = low + (high - low) / 2;
    if (image->func_at[middle] <= at)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The last entry at or before it: a function's first one is its own start. */
void lw_lines_where(const LineEntry *lines, uint32_t nlines, uint32_t at, Places *out)
{
  uint32_t low = 0, high = nlines;
  *out = (Places){.n = 1};
  if (high == 0) return;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (lines[middle].pc <= at)
      low = middle;
    else
      high = middle;
  }
  out->at[0] = lines[low].where & ~LINE_INLINED;
  for (; out->n < PLACES && low > 0 && (lines[low].where & LINE_INLINED); low--)
    out->at[out->n++] = lines[low - 1].where & ~LINE_INLINED;
}
