/*
** wasi.h -- what a program may see and touch: the context of its WASI calls.
**
** A Wasi is everything that is granted: arguments, environment, three streams,
** directories, a clock, random bytes. A fresh one grants nothing but an empty stdin, a
** stdout and stderr that go nowhere, the real clock and real random bytes. Its calls are
** native functions (rt/native.h), so they run without Lua; what only the binding can do
** is asked for by an `AskWhat`.
** Owned by count: the binding's handle and the host functions made for it. One Store at
** a time uses it.
** Layer: wasi.
*/
#ifndef LW_WASI_H
#define LW_WASI_H

#include "rt/native.h"

typedef struct Wasi Wasi;
typedef struct Node Node; /* of a tree in memory: tree.h */

enum { WASI_STDIN, WASI_STDOUT, WASI_STDERR, WASI_STREAMS };
enum { WASI_FILES_MAX = 1 << 20, WASI_PATH_MAX = 4096 };

typedef enum {
  STREAM_NOTHING, /* an empty stdin; writes go nowhere */
  STREAM_BYTES,   /* stdin: those given; else kept, to be read by the host */
  STREAM_INHERIT, /* that of the process */
  STREAM_ASK      /* the binding reads or writes */
} StreamKind;

typedef enum { SOURCE_REAL, SOURCE_FAKE, SOURCE_ASK } SourceKind;

/* NativeAsk.what, and what the answer is. */
typedef enum {
  ASK_NOTHING,
  ASK_READ,   /* at most `number` bytes of stdin: bytes, none at the end */
  ASK_WRITE,  /* lw_wasi_gather gives the bytes, `number` of them, for stream `which`:
                 number, how many were taken; or how = ANSWER_DESCRIPTOR */
  ASK_CLOCK,  /* the time of clock `which`: number, ns */
  ASK_RANDOM, /* `number` bytes: bytes, so many */
  ASK_SIGNAL, /* a signal has come while the guest waits: whoever acts on signals may do
                 so; no answer */
  ASK_LATE, /* the guest waits and has no more time, but may yield and go on: that, or its
               end (rt/budget.h); no answer */
  ASK_DIR,  /* a DirCall for directory `which` */
  ASK_BLOCK /* the guest would wait, for any of `size` descriptors (`owned`, an array of
               WasiWait) and until `number` (UINT64_MAX: for ever): by lw_os_now_ns if
               `which`, else so many ns from now; no answer, or how = ANSWER_WAIT: it
               waits */
} AskWhat;

/* ASK_DIR: NativeAsk.how; paths in `owned`, each with its NUL. Where it fails, `number`
   is an errno of WASI's. */
typedef enum {
  DIR_STAT,     /* path: which = DIR_IS_FILE or _DIR, number = size, more = time in ns */
  DIR_LIST,     /* path: bytes, for each entry DIR_IS_FILE or _DIR, its name, NUL */
  DIR_READ,     /* path, at `number`, at most `size` bytes: bytes */
  DIR_WRITE,    /* path, at `number`, `size` bytes by lw_wasi_gather, which becomes the
                   size it gave */
  DIR_TRUNCATE, /* path, to `number` bytes */
  DIR_MKDIR,    /* path */
  DIR_REMOVE,   /* path: a file, or an empty directory */
  DIR_RENAME,   /* path, path */
  DIR_CREATE,   /* path: an empty file; who can write can do that */
  DIR_CALLS
} DirCall;
enum {
  DIR_IS_FILE,
  DIR_IS_DIR,
  DIR_CHANGES = 1 << DIR_WRITE | 1 << DIR_TRUNCATE | 1 << DIR_MKDIR | 1 << DIR_REMOVE |
                1 << DIR_RENAME
};

typedef struct WasiWait {
  int host; /* the system's descriptor */
  bool writes;
} WasiWait;

/* Everything below: false, or NULL, when there is no memory. */
Wasi *lw_wasi_new(void);
Wasi *lw_wasi_ref(Wasi *w);
void lw_wasi_unref(Wasi *w);
/* Closes all files; calls fail with badf from then on. What was kept stays. */
void lw_wasi_close(Wasi *w);

/* Before it is first used. Strings without NUL; env as "NAME=value". */
bool lw_wasi_add_arg(Wasi *w, const char *text, size_t size);
bool lw_wasi_add_env(Wasi *w, const char *text, size_t size);
bool lw_wasi_set_stream(Wasi *w, unsigned which, StreamKind kind, const char *bytes,
                        size_t size);
void lw_wasi_set_clock(Wasi *w, SourceKind kind);
void lw_wasi_set_random(Wasi *w, SourceKind kind, uint64_t seed);
/* How many files where nothing is said: 1024, but half of the descriptors that the
   process may have at most, so that the host always has some. */
uint32_t lw_wasi_files_default(void);
void lw_wasi_set_limits(Wasi *w, uint32_t files, uint64_t kept_bytes);
/* A program that goes on writing to a stream of the process that has no reader ends with
   code 141, as natively by SIGPIPE. The first time it gets the error. */
void lw_wasi_set_pipe_ends(Wasi *w);
/* The binding is asked (ASK_BLOCK) before a wait. */
void lw_wasi_set_block(Wasi *w);
/* Directories are resolved step by step in user space instead of by openat2. */
void lw_wasi_set_walk(Wasi *w);
/* The directory `path` of the host is `name` for the guest. LW_IO, LW_NOMEM. */
Status lw_wasi_add_dir(Wasi *w, const char *name, const char *path, bool read_only,
                       Err *err);
/* So is a new directory in memory, which it gives. */
Node *lw_wasi_new_tree(Wasi *w, const char *name, bool read_only);
/* So is one that the binding answers for; `can`: 1 << DIR_STAT and so on. Its number, or
   -1. Without anything of DIR_CHANGES it is read-only. */
int lw_wasi_add_served(Wasi *w, const char *name, bool read_only, uint32_t can);
/* The errno of that name ("noent"), or 0. */
uint32_t lw_wasi_errno(const char *name);
/* A socket that listens at "127.0.0.1:80" or "[::1]:0", numbers only: the next free
   descriptor. LW_IO, LW_NOMEM. */
Status lw_wasi_add_listener(Wasi *w, const char *text, Err *err);
/* The address and port that descriptor `fd` listens at; false: it does not. */
bool lw_wasi_address(const Wasi *w, uint32_t fd, char *to, size_t size);
/* The tree given under that name, or NULL. */
Node *lw_wasi_tree(const Wasi *w, const char *name);
/* What the guest has written to a stream of STREAM_BYTES; NULL: it is another kind. */
const char *lw_wasi_written(const Wasi *w, unsigned which, size_t *size);

/* Bytes in streams and trees. */
uint64_t lw_wasi_kept(const Wasi *w);

/* The calls. */
typedef struct WasiCall {
  const char *name;
  const char *params; /* 'i' or 'I' each */
} WasiCall;
/* How many there are; number `n` of them. */
uint32_t lw_wasi_count(void);
const WasiCall *lw_wasi_call(uint32_t n);
bool lw_wasi_returns(uint32_t n); /* an i32, or nothing */
/* Is it one of those that the module `wasi_unstable` has? */
bool lw_wasi_unstable(uint32_t n);
/* Make a fresh host function of that type the call. */
void lw_wasi_bind(HostFunc *h, Wasi *w, uint32_t n, bool unstable);

/* For the binding that answers ASK_WRITE: copy what is to be written, at most `size`
   bytes; how many. The ranges are looked at again. */
size_t lw_wasi_gather(const Activation *a, void *to, size_t size);
enum { ANSWER_BYTES, ANSWER_DESCRIPTOR, ANSWER_WAIT }; /* NativeAsk.how */
/* The name of the call that asks. */
const char *lw_wasi_asking(const Activation *a);

#endif
