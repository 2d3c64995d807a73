/*
** cache.h -- what was compiled before: kept alive in memory, or as entries on disk.
**
** A Cache finds and keeps; it owns no code but by references in its keep-alive list. All
** of it is process-wide: opening a directory that is open in the same mode gives the same
** Cache, and equal bytes are one Code whichever Cache they came through.
** Nothing that lies in the directory can make a compile fail: what is not right is a
** miss.
** Threads: everything may be called from any thread. No lock is held over disk or
** compile.
** Layer: cache.
*/
#ifndef LW_CACHE_H
#define LW_CACHE_H

#include "cache/dir.h"

typedef enum { CACHE_RW, CACHE_RO, CACHE_OFF } CacheMode;

typedef struct CacheOptions {
  const char *dir;       /* NULL: memory only */
  uint64_t max_bytes;    /* of entries on disk */
  uint64_t memory_bytes; /* of code kept alive; 0: none */
  CacheMode mode;
} CacheOptions;
#define CACHE_MAX_BYTES    ((uint64_t)512 << 20)
#define CACHE_MEMORY_BYTES ((uint64_t)32 << 20)
enum { CACHE_KEPT = 64 }; /* Codes at most in a keep-alive list */

typedef struct Cache Cache;

/*
** A reference to a Cache. LW_IO: the directory may not be used, for a reason a user
** should know (others may write to it). One that cannot be made or written to is no
** failure: memory only, with a warning (lw_cache_warning).
** Where the directory is open already, in that mode, its limits become these.
*/
Status lw_cache_open(const CacheOptions *opts, Cache **out, Err *err);
/* Gives back what open gave. With the last one look-ups and writes stop and the
   keep-alive list goes; code that came through it lives on. */
void lw_cache_close(Cache *c);
/* Of the process: memory only. Never closed; nobody owns it. */
Cache *lw_cache_default(void);

/* lw_code_compile, with what the cache has. */
Status lw_cache_compile(Cache *c, const uint8_t *bytes, size_t size,
                        const CodeOptions *opts, Code **out, CodeHow *how, Err *err);
/* `how` came from elsewhere (a store of Lua functions): count it, keep the code alive. */
void lw_cache_note(Cache *c, Code *code, CodeHow how);

typedef struct CacheStats {
  uint64_t hits, disk_hits, misses, joined, healed, stored, evicted;
  uint64_t entries, bytes;               /* on disk */
  uint64_t memory_entries, memory_bytes; /* kept alive */
  const char *mode;                      /* "rw", "ro", "off", "memory" */
} CacheStats;
void lw_cache_stats(Cache *c, CacheStats *out);
/* As lw_dir_list. */
size_t lw_cache_entries(Cache *c, DirItem **out);
/* Remove the longest unused entries until at most `bytes` are left; how many went. */
uint64_t lw_cache_prune(Cache *c, uint64_t bytes);
uint64_t lw_cache_limit(const Cache *c);
/* Look at every entry, remove damaged ones; how many are sound, and how many were not. */
void lw_cache_verify(Cache *c, uint64_t *sound, uint64_t *damaged);
/* Forget everything, in memory and on disk. */
void lw_cache_clear(Cache *c);
/* A sentence for the user, once; false: none. */
bool lw_cache_warning(Cache *c, char *text, size_t cap);
const char *lw_cache_path(const Cache *c); /* NULL: memory only */

#endif
