/*
** image.h -- the machine code of one module, and the maps that explain it.
**
** Text is position-independent and has no relocations: helpers are reached through r14,
** constants relative to pc, direct calls are resolved while linking. The same input,
** options and CPU give the same bytes.
** Invariants: functions lie in index order; `text` is executable and no longer
** writable once lw_image_compile returns; line entries are sorted by pc.
** Layer: jit.
*/
#ifndef LW_IMAGE_H
#define LW_IMAGE_H

#include "jit/target.h"

typedef struct CompileOptions {
  bool explicit_bounds;
  uint8_t effort; /* 0: the simple allocator; 1: registers across blocks, small loops
                            unrolled; 2: larger ones, too */
  bool fuel;      /* count operators, and stop where none are left (IR_FUEL) */
  bool keep_loops, keep_calls; /* dumps only: nothing is unrolled, inlined */
  const FactsBook *book;       /* what validation found out, or NULL */
} CompileOptions;

typedef struct CompileStats {
  uint64_t ns, code_bytes, wasm_bytes, ir_instructions, spills, reloads, moves;
  uint64_t peak_scratch; /* bytes, over all functions */
  uint64_t fallbacks;    /* functions that the real allocator left to the simple one */
  uint32_t largest_body; /* bytes */
} CompileStats;
void lw_stats_add(CompileStats *sum, const CompileStats *more);

/* The machine code of one function, not yet joined to others. */
typedef struct Unit {
  uint8_t *text; /* or where a copy of it lies that `calls` may have been resolved in */
  LineEntry *lines;
  CallSite *calls;
  uint32_t size, nlines, ncalls;
  bool saves_ctx;
  CompileStats stats; /* of this function; no ns */
} Unit;

/* `func` is a funcidx >= nfuncs_imported. The caller frees text, lines and calls. Passes
   work in `scratch`, which is reset. */
Status lw_unit_compile(const Module *m, uint32_t func, const CompileOptions *opts,
                       Arena *scratch, Unit *out, Err *err);
void lw_unit_free(Unit *u);

typedef struct Image {
  const uint8_t *text;
  size_t text_size;
  uint32_t *func_at; /* offset of each defined function, and text_size at the end */
  bool *saves_ctx;   /* of each: is the word below its frame pointer the instance? All
                        that may lead to another instance or the host keep it there */
  LineEntry *lines;  /* pc = offset in text */
  uint32_t nlines;
  uint32_t nfuncs; /* defined functions */
  CompileStats stats;
} Image;

/* Compile every function of a validated module. */
Status lw_image_compile(const Module *m, const CompileOptions *opts, Image *image,
                        Err *err);
/* The same image from the units of all defined functions, in index order, with its text
   on the heap: lw_image_drop frees it. */
Status lw_image_join(const Module *m, const Unit *units, Image *image, Err *err);
void lw_image_drop(Image *image);
void lw_image_free(Image *image);
/* The defined function (0-based among defined) whose text holds pc, or UINT32_MAX. */
uint32_t lw_image_find(const Image *image, const void *pc);
/* What is behind text offset `at` (of a trap, or a return address); 0 without lines,
   which are sorted by pc. */
void lw_lines_where(const LineEntry *lines, uint32_t nlines, uint32_t at, Places *out);

/* The text of one pass for one function, for people and goldens: pass = "ir", "live",
   "ra", "asm" (bytes in hex with offsets) or "lines" (listing.c). The caller frees
   *text. */
Status lw_image_dump(const Module *m, uint32_t func, const char *pass,
                     const CompileOptions *opts, char **text, Err *err);

#endif
