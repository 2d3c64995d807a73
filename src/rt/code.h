/*
** code.h -- what a compile gives: bytes, decoded facts and machine code, shared.
**
** Process-wide and content-addressed: equal bytes and options give the same Code, found
** by XXH3-128 and proved by comparing the bytes. Refcounted: one reference from each
** module handle and instance; the registry finds Codes but owns none (a cache may keep
** some alive).
** Images (guard and explicit bounds) are made on demand, once. The image of much code is
** lazy (lazy.h): usable at once, compiled as it is called and in the background.
** Threads: everything here may be called from any thread.
** Layer: rt.
*/
#ifndef LW_CODE_H
#define LW_CODE_H

#include "base/hash.h"
#include "jit/image.h"

typedef enum {
  EAGER_AUTO, /* lazy when there is more than LAZY_ABOVE of code */
  EAGER_YES,  /* all is compiled before the call returns */
  EAGER_NO    /* lazy, however little there is */
} Eager;
enum { LAZY_ABOVE = 256 << 10 }; /* bytes of the code section */

typedef struct CodeOptions {
  uint64_t features;    /* DecodeOptions.features */
  bool explicit_bounds; /* bounds="explicit": never use guard code */
  uint8_t effort;
  bool fuel;   /* count operators, and stop where none are left */
  Eager eager; /* when, not what: it does not tell Codes apart, */
  /* and neither does this. NULL, or where a pointer to the very bytes is, made by
     lw_os_bulk_alloc: a new Code takes them over and leaves NULL there. */
  uint8_t **given;
} CodeOptions;

typedef struct Code Code;

/*
** Where images may come from and go to, beside the memory of this process.
** load: fills *image, text published, or says false: a miss. save: is shown a complete
** image; `text` need not be executable. Both run without locks, load on the thread that
** compiles, save on any; ref and unref keep `user` for what comes later. Without them the
** store serves the very compile it is given to, and is then forgotten.
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
** Decode, validate and compile (the image the options imply), or find. On success *out
** is a reference the caller owns; *how tells where it came from. `store` may be NULL.
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
/* Which image it starts with: as the options say, or explicit since a memory of its wants
   that. */
bool lw_code_explicit(const Code *c);
/* XXH3-128 of the bytes (lw_code_module(c)->bytes, ->size). */
Hash128 lw_code_hash(const Code *c);
/* Something that is done once, by whoever comes first; see lw_once_claim. */
typedef struct CodeOnce {
  uint8_t state;
  uint32_t generation; /* of the process in which it was claimed */
} CodeOnce;
/*
** With LOCK_CODES held: true, it is the caller's to do, without the lock, and to end; or
** false, it is done. Waits while another thread is at it, unless that thread was left
** behind by a fork.
*/
bool lw_once_claim(CodeOnce *once);
void lw_once_end(CodeOnce *once, bool done);

typedef struct CodeImage {
  Image image;       /* unless lazy */
  struct Lazy *lazy; /* lazy.h, or NULL */
  CodeOnce once;
  CodeOnce saved; /* lazy: complete, and shown to the CodeStore */
} CodeImage;
/* The machine code for one bounds mode, made if need be. Valid while c is held. */
Status lw_code_image(Code *c, bool explicit_bounds, const CodeImage **out, Err *err);
/* Where to call defined function `n` (0-based among defined). */
const void *lw_code_entry(const CodeImage *image, uint32_t n);
/* Compile all of a lazy image, then show it to the CodeStore. go_on is asked before each
   function; false ends it with LW_INTERRUPT. */
Status lw_code_complete(Code *c, bool explicit_bounds, bool (*go_on)(void *user),
                        void *user, Err *err);
/* Nothing is left to compile, nor to show. */
bool lw_code_is_complete(Code *c, bool explicit_bounds);
/* Does anybody but the caller hold it? */
bool lw_code_shared(Code *c);

typedef struct CodeInfo {
  CompileStats stats; /* of what is compiled by now */
  uint32_t functions, compiled;
  bool lazy;
} CodeInfo;
void lw_code_info(Code *c, const CodeImage *image, CodeInfo *out);
/* Canonical type id of each typeidx of the module; live as long as c. */
const uint32_t *lw_code_types(const Code *c);
const struct TypeInfo *const *lw_code_infos(const Code *c);
/*
** The image of memory 0's active data (os.h), made on first use: its number, and its size
** in *size. -1 when the data is small, not constant or out of bounds, or memory 0 is not
** the module's own: then it is to be copied.
*/
int lw_code_data_image(Code *c, size_t *size);
/* What lies at pc. */
typedef struct CodePlace {
  Code *code;
  uint32_t func;   /* 0-based among defined functions */
  uint32_t offset; /* of pc in its text */
  Places where;
  bool saves_ctx; /* Image.saves_ctx */
} CodePlace;
/* For traces; false: no function of ours. The caller must know that the Code is alive (it
   has a frame on a stack that is). */
bool lw_code_place(const void *pc, CodePlace *out);

typedef struct CodeStats {
  uint64_t live, compiles, loads, hits, text_bytes;
} CodeStats;
void lw_code_stats(CodeStats *out);

#endif
