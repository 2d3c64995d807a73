/*
** os_text.c -- the one region all executable memory comes from.
**
**   region  [ pages of A ][ free ][ pages of B ][ B ][ never used ........ ]
**                          ^ run                     ^ brk
**
** The region is reserved once and never given back, so lw_os_text_contains needs no
** lock, and any two functions are within reach of a 32-bit displacement. Pages come from
** the first free run that fits, else from the end. Free runs are kept sorted and merged
** in a small array; when that is full a run is forgotten, which loses address space,
** never memory.
** W^X: pages are writable between alloc and publish, afterwards executable, never both.
** Twins are pages of a sealed memory file that are mapped twice: after the seal nobody
** can make a second writable view, nor turn the executable one writable.
** Layer: base.
*/
#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/os.h"

enum { RUNS_MAX = 4096 };
static const size_t region_sizes[] = {1u << 30, 256u << 20, 64u << 20, 16u << 20};

typedef struct Run {
  size_t at, size; /* bytes, from the region's start */
} Run;

static _Atomic(uintptr_t) region; /* set once, after region_size */
static _Atomic(size_t) region_size;
static size_t brk_at;
static Run runs[RUNS_MAX];
static size_t nruns;

bool lw_os_text_contains(const void *pc)
{
  uintptr_t base = atomic_load_explicit(&region, memory_order_acquire);
  if (!base) return false;
  return (uintptr_t)pc - base < atomic_load_explicit(&region_size, memory_order_relaxed);
}

/* Where address space is limited (ulimit -v) a quarter of it is enough for code. */
static bool fits_limit(size_t size)
{
  struct rlimit space;
  return getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur == RLIM_INFINITY ||
         size <= space.rlim_cur / 4;
}

static bool reserve_region(void)
{
  enum { SIZES = sizeof region_sizes / sizeof *region_sizes };
  if (atomic_load_explicit(&region, memory_order_relaxed)) return true;
  for (size_t i = 0; i < SIZES; i++) {
    if (i + 1 < SIZES && !fits_limit(region_sizes[i])) continue;
    void *p = lw_os_reserve(region_sizes[i]);
    if (!p) continue;
    atomic_store_explicit(&region_size, region_sizes[i], memory_order_relaxed);
    atomic_store_explicit(&region, (uintptr_t)p, memory_order_release);
    return true;
  }
  return false;
}

static void run_remove(size_t i)
{
  assert(i < nruns);
  memmove(&runs[i], &runs[i + 1], (nruns - i - 1) * sizeof *runs);
  nruns--;
}

static size_t take(size_t size) /* offset, or SIZE_MAX */
{
  for (size_t i = 0; i < nruns; i++) {
    if (runs[i].size < size) continue;
    size_t at = runs[i].at;
    runs[i].at += size;
    runs[i].size -= size;
    if (runs[i].size == 0) run_remove(i);
    return at;
  }
  if (atomic_load_explicit(&region_size, memory_order_relaxed) - brk_at < size)
    return SIZE_MAX;
  size_t at = brk_at;
  brk_at += size;
  return at;
}

static void give(size_t at, size_t size)
{
  size_t i = 0;
  while (i < nruns && runs[i].at < at)
    i++;
  assert(i == nruns || at + size <= runs[i].at);
  assert(i == 0 || runs[i - 1].at + runs[i - 1].size <= at);
  if (i > 0 && runs[i - 1].at + runs[i - 1].size == at) {
    runs[--i].size += size;
  } else {
    if (nruns == RUNS_MAX) return; /* forgotten: costs address space only */
    memmove(&runs[i + 1], &runs[i], (nruns - i) * sizeof *runs);
    runs[i] = (Run){at, size};
    nruns++;
  }
  if (i + 1 < nruns && runs[i].at + runs[i].size == runs[i + 1].at) {
    runs[i].size += runs[i + 1].size;
    run_remove(i + 1);
  }
  if (runs[i].at + runs[i].size == brk_at) { /* the last run grows the unused end */
    brk_at = runs[i].at;
    run_remove(i);
  }
}

void *lw_os_text_alloc(size_t size)
{
  size = lw_os_pages(size);
  if (size == 0) return NULL;
  lw_lock(LOCK_TEXT);
  size_t at = reserve_region() ? take(size) : SIZE_MAX;
  lw_unlock(LOCK_TEXT);
  if (at == SIZE_MAX) return NULL;
  uint8_t *p = (uint8_t *)atomic_load_explicit(&region, memory_order_relaxed) + at;
  if (lw_os_commit(p, size)) {
    lw_os_large_pages(p, size);
    return p;
  }
  lw_os_text_free(p, size);
  return NULL;
}

bool lw_os_text_publish(void *at, size_t size)
{
  assert(lw_os_text_contains(at));
  return mprotect(at, lw_os_pages(size), PROT_READ | PROT_EXEC) == 0;
}

void lw_os_text_free(void *at, size_t size)
{
  assert(lw_os_text_contains(at));
  size = lw_os_pages(size);
  /* If the system cannot even forget the pages, they stay ours and are not reused. */
  if (!lw_os_decommit(at, size)) return;
  lw_lock(LOCK_TEXT);
  give((uintptr_t)at - atomic_load_explicit(&region, memory_order_relaxed), size);
  lw_unlock(LOCK_TEXT);
}

/* ---- twins ---- */

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3: where the default forbids to execute */
#endif

static int memory_file(size_t size)
{
  unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = memfd_create("wasm text", flags | MFD_EXEC);
  if (fd < 0) fd = memfd_create("wasm text", flags);
  if (fd >= 0 && ftruncate(fd, (off_t)size) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

/* Over `at`, pages of the region that are reserved: the view that may be executed. */
static bool map_twin(void *at, size_t size, void **writable)
{
  int fd = memory_file(size);
  if (fd < 0) return false;
  void *w = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  bool ok = w != MAP_FAILED &&
            fcntl(fd, F_ADD_SEALS,
                  F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 &&
            mmap(at, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0) == at;
  close(fd);
  if (!ok && w != MAP_FAILED) munmap(w, size);
  if (ok) *writable = w;
  return ok;
}

void *lw_os_text_twin(size_t size, void **writable)
{
  assert(size > 0 && size == lw_os_pages(size));
  lw_lock(LOCK_TEXT);
  size_t at = reserve_region() ? take(size) : SIZE_MAX;
  lw_unlock(LOCK_TEXT);
  if (at == SIZE_MAX) return NULL;
  uint8_t *p = (uint8_t *)atomic_load_explicit(&region, memory_order_relaxed) + at;
  if (map_twin(p, size, writable)) return p;
  lw_os_text_free(p, size);
  return NULL;
}

void lw_os_text_twin_free(void *at, void *writable, size_t size)
{
  munmap(writable, size);
  lw_os_text_free(at, size);
}
