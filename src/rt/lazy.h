/*
** lazy.h -- an image whose functions are compiled when they are first called, or before
** by a thread in the background; each of them once.
**
**   call f ---> thunk of f ---> slot ---> lw_stub_lazy ---> lw_lazy_enter: compiles f,
**                               |                           then the slot is changed
**                               +-------> text of f, ever after
**
** Text lies where it fell, in chunks that grow, and is never changed: direct calls go
** through thunks. What the compile left (lines, call sites) is kept, so that the whole
** can be joined to the image that an eager compile would have made, byte for byte.
** All of it is under LOCK_CODES, but for the compile of a function that was claimed.
** Layer: rt.
*/
#ifndef LW_LAZY_H
#define LW_LAZY_H

#include "rt/code.h"

typedef struct Lazy Lazy;
struct Chunk;

/* `code` and `image` are only passed on to texts.h; the image is one of code's own. */
Lazy *lw_lazy_new(Code *code, const CodeImage *image, const CompileOptions *opts,
                  Err *err);
void lw_lazy_free(Lazy *z);
/* Where to call defined function `n`. */
const void *lw_lazy_entry(const Lazy *z, uint32_t n);
/*
** Make sure that function `n` is compiled; *at is its text. Waits where another thread is
** at it. LW_NOMEM, LW_LIMIT.
*/
Status lw_lazy_compile(Lazy *z, uint32_t n, const void **at, Err *err);
/*
** Compile what is missing, in the order of the calls from what is exported. go_on is
** asked before each function: false ends it with LW_INTERRUPT.
*/
Status lw_lazy_complete(Lazy *z, bool (*go_on)(void *user), void *user, Err *err);
/* Once all are compiled: joined, text on the heap (lw_image_drop). */
Status lw_lazy_join(const Lazy *z, Image *out, Err *err);

uint32_t lw_lazy_count(const Lazy *z); /* functions in all */
/* With LOCK_CODES held. */
uint32_t lw_lazy_compiled(const Lazy *z, CompileStats *stats);
/* What is in a chunk, on the heap; NULL: no memory. */
struct TextSymbol *lw_lazy_symbols(const Lazy *z, const struct Chunk *chunk, uint32_t *n);
/* Where pc lies: in a chunk (`chunk`), or among the thunks. False: between functions. */
bool lw_lazy_place(const Lazy *z, const struct Chunk *chunk, const void *pc,
                   CodePlace *out);

#endif
