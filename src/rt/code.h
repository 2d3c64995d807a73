/*
** code.h -- what a compile gives: bytes, decoded facts and machine code, shared.
**
** Process-wide and content-addressed: equal bytes and options give the same Code, found
** by XXH3-128 and proved by comparing the bytes. Refcounted: one reference from each
** module handle and instance; the registry finds Codes but owns none (a small
** keep-alive list comes with the disk cache).
** Images (guard and explicit bounds) are compiled on demand, once, under the Code's
** lock. Threads: everything here may be called from any thread.
** Layer: rt.
*/
#ifndef LW_CODE_H
#define LW_CODE_H

#include "base/hash.h"
#include "jit/image.h"

typedef struct CodeOptions {
  uint64_t features;    /* DecodeOptions.features */
  bool explicit_bounds; /* bounds="explicit": never use guard code */
  uint8_t effort;
} CodeOptions;

typedef struct Code Code;

/*
** Where images may come from and go to, beside the memory of this process.
** load: fills *image, text published, or says false: a miss. save: is shown a complete
** image; `text` need not be executable. Both run without locks, load on the thread that
** compiles, save on any; ref and unref keep `user` for a save that comes later.
*/
typedef struct CodeStore {
  bool (*load)(void *user, Code *c, bool explicit_bounds, Image *image);
  void (*save)(void *user, Code *c, bool explicit_bounds, const Image *image);
  void (*ref)(void *user);
  void (*unref)(void *user);
  void *user;
} CodeStore;

typedef enum {
  CODE_IS_COMPILED, /* now, by this call */
  CODE_IS_LOADED,   /* from the CodeStore */
  CODE_IS_SHARED,   /* it was in memory */
  CODE_IS_JOINED    /* another thread was at it; this one waited */
} CodeHow;

/*
** Decode, validate and compile (the image the options imply), or find. On success
** *out is a reference the caller owns; *how tells where it came from. `store` may be NULL.
** Kinds: malformed, invalid, unsupported, limit, nomem.
*/
Status lw_code_compile(const uint8_t *bytes, size_t size, const CodeOptions *opts,
                       const CodeStore *store, Code **out, CodeHow *how, Err *err);
/* Decode and validate only. */
Status lw_code_validate(const uint8_t *bytes, size_t size, const CodeOptions *opts,
                        Err *err);
Code *lw_code_ref(Code *c);
void lw_code_unref(Code *c);

const Module *lw_code_module(const Code *c);
const CodeOptions *lw_code_options(const Code *c);
/* XXH3-128 of the bytes (lw_code_module(c)->bytes, ->size). */
Hash128 lw_code_hash(const Code *c);
/* The machine code for one bounds mode, compiled if need be. Valid while c is held. */
Status lw_code_image(Code *c, bool explicit_bounds, const Image **out, Err *err);
/* Canonical type id of each typeidx of the module; live as long as c. */
const uint32_t *lw_code_types(const Code *c);
/*
** The image of memory 0's active data (os.h), made on first use: its number, and its size
** in *size. -1 when the data is small, not constant or out of bounds, or memory 0 is not
** the module's own: then it is to be copied.
*/
int lw_code_data_image(Code *c, size_t *size);
/* The Code whose text holds pc, NULL if none: for traces. The caller must know that the
   Code is alive (it has a frame on a stack that is). */
Code *lw_code_of_pc(const void *pc, const Image **image);

typedef struct CodeStats {
  uint64_t live, compiles, hits, text_bytes;
} CodeStats;
void lw_code_stats(CodeStats *out);

#endif
