/*
** memory.h -- linear memories.
**
** A guard memory has a reservation of 8 GiB + guard, so machine code needs no checks and
** its base never moves. An explicit memory is a mapping of its length + guard that may
** move when it grows. A memory knows which it is.
** Owned by count: instances that define or import it, and Lua handles.
** Memories with 64-bit addresses, and those whose pages have 1 byte, are always explicit.
** A shared memory belongs to several Stores, which may run in threads of their own: each
** has a Memory with the same bytes (shared.h). It never moves.
** Invariants: `length` is a multiple of the page size (64 KiB, or 1); bytes at and above
** it, from the next page of the system's on, are inaccessible for MEMORY_GUARD.
** Layer: rt.
*/
#ifndef LW_MEMORY_H
#define LW_MEMORY_H

#include "base/status.h"
#include "rt/value.h"

enum { WASM_PAGE = 65536, MEMORY_GUARD = 65536 + 4096 };

typedef struct Activation Activation;
typedef struct Memory {
  uint8_t *base;      /* layout.h */
  uint64_t length;    /* layout.h: bytes */
  Limits type;        /* limits as declared; min is not updated */
  uint64_t max_pages; /* growth limit in force: declared, option, address space */
  bool guard;
  bool moved; /* explicit: it is more than one mapping */
  uint32_t refs;
  uint32_t watchers;     /* keep this struct, not the bytes */
  Activation *newest;    /* of those entered through instances with this memory 0 */
  struct Known *known;   /* the signal handler's note of this reservation */
  size_t reserved;       /* bytes of address space from base */
  int image;             /* number of the image laid over its start (os.h), or -1 */
  struct Track *track;   /* since its first snapshot (track.h), or NULL */
  struct Shared *shared; /* whose bytes they are; NULL: its own */
  struct Memory *fellow, *before; /* Shared.memories */
} Memory;

/* `max_pages`: a limit of the host, 0 = none. `explicit_bounds` forces the mapping that
   moves; else falls back to it when the reservation is refused (then m->guard is false).
   LW_NOMEM with what to do about it. */
Status lw_memory_new(const Limits *type, uint64_t max_pages, bool explicit_bounds,
                     Memory **out, Err *err);
/* The same; the first image_size bytes of a guard memory (whole system pages, at most its
   minimum) are private copies of an image. out->image is -1 if it could not have one. */
Status lw_memory_new_image(const Limits *type, uint64_t max_pages, bool explicit_bounds,
                           int image, size_t image_size, Memory **out, Err *err);
/* Zero again where the image was: as if it had never been laid out. */
void lw_memory_blank(Memory *m, size_t image_size);
Memory *lw_memory_ref(Memory *m);
/* With the last reference the mapping goes at once: base is NULL and length 0 then. The
   struct itself goes when no watcher is left either. */
void lw_memory_unref(Memory *m);
/* For Lua handles of an instance's memory: they must not keep it mapped (API.md 4 row 7).
   A watched memory is alive while m->refs > 0. */
void lw_memory_watch(Memory *m);
void lw_memory_unwatch(Memory *m);
/* Old size in pages, or UINT64_MAX when refused. base may change if !guard. */
uint64_t lw_memory_grow(Memory *m, uint64_t pages);
/* Give up what lies behind `pages`; false: that is less than its type's minimum, or the
   system refused. Only for restoring a snapshot: wasm memories do not shrink. */
bool lw_memory_shrink(Memory *m, uint64_t pages);
/* Must machine code check every access to such a memory itself? */
static inline bool lw_limits_checked(const Limits *l)
{
  return l->is64 || l->bytes;
}
/* In bytes. That of a shared one may grow at any time, in another thread. */
static inline uint64_t lw_memory_length(const Memory *m)
{
  return __atomic_load_n(&m->length, __ATOMIC_RELAXED);
}
static inline uint64_t lw_memory_pages(const Memory *m)
{
  return lw_memory_length(m) >> lw_page_log2(&m->type);
}
/* Is [at, at+n) inside? No overflow for any arguments. */
static inline bool lw_memory_has(const Memory *m, uint64_t at, uint64_t n)
{
  uint64_t length = lw_memory_length(m);
  return at <= length && n <= length - at;
}

#endif
