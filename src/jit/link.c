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

Status lw_compile_front(const Module *m, uint32_t func, Arena *scratch, Compiled *out,
                        Err *err)
{
  BodyFacts facts;
  memset(&facts, 0, sizeof facts);
  TRY(lw_validate_func(m, func, &facts, scratch, err));
  TRY(lw_ir_build(m, func, &facts, scratch, &out->f, err));
#ifndef NDEBUG
  TRY(lw_ir_verify(&out->f, err));
#endif
  return lw_live(&out->f, scratch, &out->live, err);
}

Status lw_compile_back(const EmitOptions *opts, Arena *scratch, Compiled *out, Err *err)
{
  TRY(lw_target_select(&out->f, &out->live, opts, scratch, &out->sel, err));
  TRY(lw_ra_simple(&out->sel, scratch, &out->alloc, err));
  return lw_emit(&out->sel, &out->alloc, scratch, &out->code, err);
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

static Status append(Linker *l, const FuncCode *code)
{
  uint32_t at = (l->size + TEXT_ALIGN - 1) & ~(uint32_t)(TEXT_ALIGN - 1);
  uint64_t end = (uint64_t)at + code->size;
  if (end > TEXT_LIMIT)
    return lw_fail(l->err, LW_LIMIT, ERR_NOWHERE, "machine code exceeds 2 GiB");
  uint8_t *text = room(l, l->text, &l->cap, end, 1);
  if (!text) return LW_NOMEM;
  l->text = text;
  LineEntry *lines = room(l, l->image->lines, &l->lines_cap,
                          (uint64_t)l->nlines + code->nlines, sizeof *lines);
  if (!lines) return LW_NOMEM;
  l->image->lines = lines;
  CallSite *calls =
    room(l, l->calls, &l->calls_cap, (uint64_t)l->ncalls + code->ncalls, sizeof *calls);
  if (!calls) return LW_NOMEM;
  l->calls = calls;

  memset(text + l->size, TEXT_FILLER, at - l->size);
  memcpy(text + at, code->text, code->size);
  for (uint32_t i = 0; i < code->nlines; i++)
    lines[l->nlines++] = (LineEntry){at + code->lines[i].pc, code->lines[i].where};
  for (uint32_t i = 0; i < code->ncalls; i++)
    calls[l->ncalls++] = (CallSite){at + code->calls[i].at, code->calls[i].func};
  l->image->saves_ctx[l->image->nfuncs] = code->saves_ctx;
  l->image->func_at[l->image->nfuncs++] = at;
  l->size = (uint32_t)end;
  return LW_OK;
}

static void count(CompileStats *s, const Compiled *c, uint32_t body_bytes)
{
  s->wasm_bytes += body_bytes;
  s->ir_instructions += c->f.nins;
  s->spills += c->alloc.nspills;
  s->reloads += c->alloc.nreloads;
  s->moves += c->alloc.nmoves;
  if (body_bytes > s->largest_body) s->largest_body = body_bytes;
}

static Status compile_all(Linker *l, const EmitOptions *opts, Arena *scratch)
{
  const Module *m = l->m;
  for (uint32_t func = m->nfuncs_imported; func < m->nfuncs; func++) {
    Compiled c;
    TRY(lw_compile_front(m, func, scratch, &c, l->err));
    TRY(lw_compile_back(opts, scratch, &c, l->err));
    TRY(append(l, &c.code));
    count(&l->image->stats, &c, m->funcs[func].body.size);
    lw_arena_reset(scratch);
  }
  l->image->func_at[l->image->nfuncs] = l->size;
  return LW_OK;
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

Status lw_image_compile(const Module *m, const CompileOptions *opts, Image *image,
                        Err *err)
{
  uint64_t start = lw_os_now_ns();
  Linker l = {.m = m, .image = image, .err = err};
  Arena scratch = {0};
  EmitOptions emit = {.explicit_bounds = opts->explicit_bounds};
  *image = (Image){0};
  Status s = LW_NOMEM;
  size_t nfuncs = m->nfuncs - m->nfuncs_imported;
  image->func_at = malloc(sizeof *image->func_at * (nfuncs + 1));
  image->saves_ctx = calloc(nfuncs + 1, sizeof *image->saves_ctx);
  if (!image->func_at || !image->saves_ctx) {
    lw_nomem(err, "machine code");
    goto done;
  }
  s = compile_all(&l, &emit, &scratch);
  if (s) goto done;
  resolve_calls(&l);
  s = publish(&l);
  image->nlines = l.nlines;
  image->stats.code_bytes = l.size;
  image->stats.peak_scratch = scratch.peak;
  image->stats.ns = lw_os_now_ns() - start;
done:
  lw_arena_free(&scratch);
  free(l.text);
  free(l.calls);
  if (s) lw_image_free(image);
  return s;
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

static bool text_offset(const Image *image, const void *pc, uint32_t *at)
{
  uintptr_t offset = (uintptr_t)pc - (uintptr_t)image->text;
  if (!image->text || offset > image->text_size) return false;
  *at = (uint32_t)offset;
  return true;
}

uint32_t lw_image_find(const Image *image, const void *pc)
{
  uint32_t at, low = 0, high = image->nfuncs;
  if (!text_offset(image, pc, &at) || high == 0) return UINT32_MAX;
  while (high - low > 1) { /* func_at[low] <= at < func_at[high] */
    uint32_t middle = low + (high - low) / 2;
    if (image->func_at[middle] <= at)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The last entry at or before pc: a function's first one is its own start. */
uint32_t lw_image_where(const Image *image, const void *pc)
{
  uint32_t at, low = 0, high = image->nlines;
  if (!text_offset(image, pc, &at) || high == 0) return 0;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (image->lines[middle].pc <= at)
      low = middle;
    else
      high = middle;
  }
  return image->lines[low].where;
}
