/*
** cache.c -- the open caches, their counters and keep-alive lists, under LOCK_CACHES.
** Layer: cache.
*/
#include "cache/cache.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"

typedef struct Kept {
  Code *code; /* a reference */
  uint64_t bytes;
} Kept;

struct Cache {
  uint32_t handles; /* what lw_cache_open gave */
  uint32_t refs;    /* those, and one from each Code that may be saved later */
  CacheMode mode;
  Dir dir; /* fd -1: memory only */
  uint64_t max_bytes, memory_bytes;
  uint64_t disk_bytes; /* about how much there is */
  bool failed;         /* writing went wrong: no more of it */
  bool warned;
  char warning[400];
  CacheStats stats;
  Kept kept[CACHE_KEPT]; /* the last used first */
  uint32_t nkept;
  struct Cache *next;
};

static Cache *caches; /* those with a directory */
static Cache of_process = {
  .handles = 1, .refs = 1, .dir = {.fd = -1}, .memory_bytes = CACHE_MEMORY_BYTES};

Cache *lw_cache_default(void)
{
  return &of_process;
}

/* ---- the keep-alive list ---- */

static uint64_t weight(Code *code)
{
  CodeInfo info;
  const CodeImage *image;
  Err ignored = {.at = ERR_NOWHERE};
  bool explicit_bounds = lw_code_explicit(code);
  uint64_t text = 0;
  if (lw_code_image(code, explicit_bounds, &image, &ignored) == LW_OK) {
    lw_code_info(code, image, &info);
    text = info.stats.code_bytes;
  }
  return lw_code_module(code)->size + text;
}

/* Take what is beyond the limits off the end: the caller gives the references back. */
static uint32_t overflow(Cache *c, Code *gone[CACHE_KEPT])
{
  uint64_t sum = 0;
  uint32_t n = 0, stay = 0;
  while (stay < c->nkept && sum + c->kept[stay].bytes <= c->memory_bytes)
    sum += c->kept[stay++].bytes;
  for (uint32_t k = stay; k < c->nkept; k++)
    gone[n++] = c->kept[k].code;
  c->nkept = stay;
  return n;
}

static void let_go(Code *const *gone, uint32_t n)
{
  for (uint32_t k = 0; k < n; k++)
    lw_code_unref(gone[k]);
}

static void keep(Cache *c, Code *code)
{
  Code *gone[CACHE_KEPT + 1];
  uint32_t n = 0;
  uint64_t bytes = weight(code);
  lw_code_ref(code);
  lw_lock(LOCK_CACHES);
  uint32_t at = 0;
  while (at < c->nkept && c->kept[at].code != code)
    at++;
  if (at < c->nkept)
    gone[n++] = code; /* it is there: one reference is enough */
  else if (c->nkept == CACHE_KEPT)
    gone[n++] = c->kept[--at].code;
  else
    c->nkept++;
  memmove(&c->kept[1], &c->kept[0], at * sizeof *c->kept);
  c->kept[0] = (Kept){code, bytes};
  n += overflow(c, gone + n);
  lw_unlock(LOCK_CACHES);
  let_go(gone, n);
}

/* ---- opening ---- */

/* Something went wrong that is no reason to fail: say so once, and go on in memory. */
static void fall_back(Cache *c, const char *what)
{
  lw_lock(LOCK_CACHES);
  if (!c->failed && !c->warned)
    snprintf(c->warning, sizeof c->warning, "the cache works in memory only: %.300s",
             what);
  c->failed = true;
  lw_unlock(LOCK_CACHES);
}

static uint64_t disk_bytes(const Dir *d)
{
  DirItem *items;
  uint64_t sum = 0;
  size_t n = lw_dir_list(d, &items);
  for (size_t k = 0; k < n; k++)
    sum += items[k].size;
  free(items);
  return sum;
}

static Cache *cache_new(const CacheOptions *opts, const Dir *dir)
{
  Cache *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->handles = c->refs = 1;
  c->mode = opts->mode;
  c->dir = *dir;
  c->max_bytes = opts->max_bytes;
  c->memory_bytes = opts->memory_bytes;
  return c;
}

/* The one that is open on that directory already, with a reference; or NULL. */
static Cache *find_open(const Dir *dir, const CacheOptions *opts)
{
  for (Cache *c = caches; c; c = c->next) {
    if (c->dir.device != dir->device || c->dir.inode != dir->inode) continue;
    if (c->mode != opts->mode) continue;
    c->handles++;
    c->refs++;
    c->max_bytes = opts->max_bytes;
    c->memory_bytes = opts->memory_bytes;
    return c;
  }
  return NULL;
}

static Status open_dir(const CacheOptions *opts, Dir *dir, char *warning, size_t cap,
                       Err *err)
{
  Err why = {.at = ERR_NOWHERE};
  *dir = (Dir){.fd = -1};
  if (!opts->dir || opts->mode == CACHE_OFF) return LW_OK;
  Status s = lw_dir_open(opts->dir, opts->mode == CACHE_RW, dir, &why);
  if (s == LW_OK) return s;
  if (s == LW_NOMEM || strstr(why.msg, "could put code there")) {
    *err = why;
    return s;
  }
  snprintf(warning, cap, "the cache works in memory only: %.300s", why.msg);
  return LW_OK;
}

Status lw_cache_open(const CacheOptions *opts, Cache **out, Err *err)
{
  Dir dir;
  char warning[400] = "";
  TRY(open_dir(opts, &dir, warning, sizeof warning, err));
  Cache *made = cache_new(opts, &dir), *c = made;
  if (!made) {
    lw_dir_close(&dir);
    return lw_nomem(err, "a cache");
  }
  snprintf(made->warning, sizeof made->warning, "%s", warning);
  made->failed = warning[0] != '\0';
  if (dir.fd >= 0) {
    lw_dir_sweep(&dir);
    made->disk_bytes = disk_bytes(&dir);
    lw_lock(LOCK_CACHES);
    Cache *open = find_open(&dir, opts);
    if (open) {
      c = open;
    } else {
      made->next = caches;
      caches = made;
    }
    lw_unlock(LOCK_CACHES);
  }
  if (c != made) {
    lw_dir_close(&made->dir);
    free(made);
  }
  *out = c;
  return LW_OK;
}

static void store_ref(void *user)
{
  Cache *c = user;
  lw_lock(LOCK_CACHES);
  assert(c->refs > 0);
  c->refs++;
  lw_unlock(LOCK_CACHES);
}

static void store_unref(void *user)
{
  Cache *c = user;
  lw_lock(LOCK_CACHES);
  assert(c->refs > 0);
  bool last = --c->refs == 0;
  assert(!last || (c->handles == 0 && c->nkept == 0));
  lw_unlock(LOCK_CACHES);
  if (!last) return;
  lw_dir_close(&c->dir);
  free(c);
}

/* Nobody can open it any more: a new one may be made for the directory. */
static void delist(Cache *c)
{
  Cache **at = &caches;
  while (*at && *at != c)
    at = &(*at)->next;
  if (*at) *at = c->next;
}

void lw_cache_close(Cache *c)
{
  Code *gone[CACHE_KEPT];
  uint32_t n = 0;
  lw_lock(LOCK_CACHES);
  assert(c != &of_process && c->handles > 0);
  if (--c->handles == 0) {
    delist(c);
    c->memory_bytes = 0;
    n = overflow(c, gone);
  }
  lw_unlock(LOCK_CACHES);
  let_go(gone, n);
  store_unref(c);
}

/* ---- loading and saving ---- */

static bool read_file(void *user, void *to, size_t size)
{
  int fd = *(int *)user;
  char *p = to;
  while (size > 0) {
    ssize_t n = read(fd, p, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    p += n;
    size -= (size_t)n;
  }
  return true;
}

static bool may_write(Cache *c)
{
  lw_lock(LOCK_CACHES);
  bool may = c->mode == CACHE_RW && c->dir.fd >= 0 && !c->failed && c->handles > 0;
  lw_unlock(LOCK_CACHES);
  return may;
}

static void heal(Cache *c, const char *name, int fd)
{
  if (!may_write(c) || !lw_dir_remove(&c->dir, name, fd)) return;
  lw_lock(LOCK_CACHES);
  c->stats.healed++;
  lw_unlock(LOCK_CACHES);
}

static EntryKey key_of(const Code *code, bool explicit_bounds)
{
  return lw_entry_key(lw_code_hash(code), lw_code_module(code)->size,
                      lw_code_options(code), explicit_bounds);
}

static bool load(void *user, Code *code, bool explicit_bounds, Image *image)
{
  Cache *c = user;
  uint64_t size;
  bool bad;
  lw_lock(LOCK_CACHES);
  bool closed = c->handles == 0;
  lw_unlock(LOCK_CACHES);
  if (closed) return false;
  EntryKey key = key_of(code, explicit_bounds);
  int fd = lw_dir_find(&c->dir, key.text, c->mode == CACHE_RW, &size, &bad);
  if (fd < 0) {
    if (bad) heal(c, key.text, -1);
    return false;
  }
  EntrySource from = {read_file, &fd, size};
  EntryVerdict v = lw_entry_read(&from, code, explicit_bounds, image);
  if (v == ENTRY_DAMAGED || v == ENTRY_OTHER) heal(c, key.text, fd);
  close(fd);
  return v == ENTRY_OK;
}

static void save(void *user, Code *code, bool explicit_bounds, const Image *image)
{
  Cache *c = user;
  EntryParts parts;
  Err why = {.at = ERR_NOWHERE};
  if (!may_write(c)) return;
  lw_entry_parts(code, explicit_bounds, image, &parts);
  if (parts.size > c->max_bytes) return;
  EntryKey key = key_of(code, explicit_bounds);
  if (lw_dir_write(&c->dir, key.text, &parts, &why) != LW_OK) {
    fall_back(c, why.msg);
    return;
  }
  lw_lock(LOCK_CACHES);
  c->stats.stored++;
  c->disk_bytes += parts.size;
  bool full = c->disk_bytes > c->max_bytes;
  uint64_t limit = c->max_bytes;
  lw_unlock(LOCK_CACHES);
  if (full) lw_cache_prune(c, limit);
}

void lw_cache_note(Cache *c, Code *code, CodeHow how)
{
  lw_lock(LOCK_CACHES);
  CacheStats *s = &c->stats;
  switch (how) {
  case CODE_IS_COMPILED: s->misses++; break;
  case CODE_IS_LOADED: s->disk_hits++; break;
  case CODE_IS_SHARED: s->hits++; break;
  case CODE_IS_JOINED: s->joined++; break;
  }
  bool keeps = c->memory_bytes > 0 && c->mode != CACHE_OFF;
  lw_unlock(LOCK_CACHES);
  if (keeps) keep(c, code);
}

Status lw_cache_compile(Cache *c, const uint8_t *bytes, size_t size,
                        const CodeOptions *opts, Code **out, CodeHow *how, Err *err)
{
  CodeStore store = {load, save, store_ref, store_unref, c};
  bool disk = c->dir.fd >= 0;
  TRY(lw_code_compile(bytes, size, opts, disk ? &store : NULL, out, how, err));
  lw_cache_note(c, *out, *how);
  return LW_OK;
}

/* ---- looking after it ---- */

size_t lw_cache_entries(Cache *c, DirItem **out)
{
  *out = NULL;
  return c->dir.fd >= 0 ? lw_dir_list(&c->dir, out) : 0;
}

uint64_t lw_cache_prune(Cache *c, uint64_t bytes)
{
  DirItem *items;
  uint64_t sum = 0, gone = 0;
  if (!may_write(c)) return 0;
  lw_dir_sweep(&c->dir);
  size_t n = lw_dir_list(&c->dir, &items);
  for (size_t k = 0; k < n; k++)
    sum += items[k].size;
  for (size_t k = 0; k < n && sum > bytes; k++) {
    if (!lw_dir_remove(&c->dir, items[k].name, -1)) continue;
    sum -= items[k].size;
    gone++;
  }
  free(items);
  lw_lock(LOCK_CACHES);
  c->stats.evicted += gone;
  c->disk_bytes = sum;
  lw_unlock(LOCK_CACHES);
  return gone;
}

uint64_t lw_cache_limit(const Cache *c)
{
  return c->max_bytes;
}

void lw_cache_verify(Cache *c, uint64_t *sound, uint64_t *damaged)
{
  DirItem *items;
  size_t n = lw_cache_entries(c, &items);
  *sound = *damaged = 0;
  for (size_t k = 0; k < n; k++) {
    uint64_t size;
    bool bad;
    EntryHeader header;
    int fd = lw_dir_find(&c->dir, items[k].name, false, &size, &bad);
    EntrySource from = {read_file, &fd, size};
    EntryVerdict v = fd >= 0 ? lw_entry_verify(&from, &header) : ENTRY_DAMAGED;
    *sound += v == ENTRY_OK;
    *damaged += v == ENTRY_DAMAGED;
    if (v == ENTRY_DAMAGED && (fd >= 0 || bad)) heal(c, items[k].name, fd);
    if (fd >= 0) close(fd);
  }
  free(items);
}

void lw_cache_clear(Cache *c)
{
  Code *gone[CACHE_KEPT];
  lw_lock(LOCK_CACHES);
  uint64_t limit = c->memory_bytes, evicted = c->stats.evicted;
  c->memory_bytes = 0;
  uint32_t n = overflow(c, gone);
  c->memory_bytes = limit;
  lw_unlock(LOCK_CACHES);
  let_go(gone, n);
  lw_cache_prune(c, 0);
  lw_lock(LOCK_CACHES);
  c->stats.evicted = evicted; /* these were not in the way */
  lw_unlock(LOCK_CACHES);
}

void lw_cache_stats(Cache *c, CacheStats *out)
{
  static const char *const modes[] = {"rw", "ro", "off"};
  DirItem *items;
  size_t n = lw_cache_entries(c, &items);
  lw_lock(LOCK_CACHES);
  *out = c->stats;
  out->mode = modes[c->mode];
  if (c->mode != CACHE_OFF && (c->failed || c->dir.fd < 0)) out->mode = "memory";
  out->entries = n;
  out->memory_entries = c->nkept;
  for (uint32_t k = 0; k < c->nkept; k++)
    out->memory_bytes += c->kept[k].bytes;
  lw_unlock(LOCK_CACHES);
  for (size_t k = 0; k < n; k++)
    out->bytes += items[k].size;
  free(items);
}

bool lw_cache_warning(Cache *c, char *text, size_t cap)
{
  lw_lock(LOCK_CACHES);
  bool is = c->warning[0] != '\0' && !c->warned;
  if (is) {
    snprintf(text, cap, "%s", c->warning);
    c->warned = true;
  }
  lw_unlock(LOCK_CACHES);
  return is;
}

const char *lw_cache_path(const Cache *c)
{
  return c->dir.path;
}
