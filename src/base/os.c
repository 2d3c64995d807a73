/*
** os.c -- mappings and time on Linux.
**
** Reservations are PROT_NONE and get access by mprotect: that is what strict overcommit
** and small address spaces allow (RW with MAP_NORESERVE is refused at 16 GiB). Every
** call may fail, the commit more often than the reservation: a process has 65,530
** mappings.
** Layer: base.
*/
#include "base/os.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 }; /* x86-64 and AArch64 Linux as we build for them; checked below */

size_t lw_os_page_size(void)
{
  assert(sysconf(_SC_PAGESIZE) == PAGE);
  return PAGE;
}

/* For assertions. */
static inline bool whole_pages(const void *at, size_t size)
{
  return ((uintptr_t)at & (PAGE - 1)) == 0 && (size & (PAGE - 1)) == 0;
}

size_t lw_os_pages(size_t size)
{
  return (size + PAGE - 1) & ~(size_t)(PAGE - 1);
}

uint64_t lw_os_now_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool lw_os_cpu_clock(OsClock *out)
{
  return pthread_getcpuclockid(pthread_self(), out) == 0;
}

bool lw_os_clock_now(OsClock clock, uint64_t *ns)
{
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) return false;
  *ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
  return true;
}

void lw_os_wait(_Atomic(uint32_t) *word, uint32_t value, uint64_t ns)
{
  struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ns == UINT64_MAX ? NULL : &t, NULL,
          0);
}

void lw_os_wake(_Atomic(uint32_t) *word)
{
  int kept = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
  errno = kept;
}

int lw_os_event_new(void)
{
  return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* It fails only when it has been signalled 2^64 - 2 times. */
void lw_os_event_signal(int event)
{
  const uint64_t one = 1;
  int kept = errno;
  (void)!write(event, &one, sizeof one);
  errno = kept;
}

void lw_os_event_free(int event)
{
  close(event);
}

bool lw_os_random(void *to, size_t size)
{
  assert(size <= 256);
  return getrandom(to, size, 0) == (ssize_t)size;
}

void *lw_os_reserve(size_t size)
{
  assert(size && whole_pages(NULL, size));
  void *p =
    mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

bool lw_os_commit(void *at, size_t size)
{
  return lw_os_protect_write(at, size);
}

bool lw_os_protect_none(void *at, size_t size)
{
  assert(whole_pages(at, size));
  return size == 0 || mprotect(at, size, PROT_NONE) == 0;
}

bool lw_os_protect_read(void *at, size_t size)
{
  assert(whole_pages(at, size));
  return size == 0 || mprotect(at, size, PROT_READ) == 0;
}

bool lw_os_protect_write(void *at, size_t size)
{
  assert(whole_pages(at, size));
  return size == 0 || mprotect(at, size, PROT_READ | PROT_WRITE) == 0;
}

bool lw_os_discard(void *at, size_t size)
{
  assert(whole_pages(at, size));
  return size == 0 || madvise(at, size, MADV_DONTNEED) == 0;
}

bool lw_os_decommit(void *at, size_t size)
{
  assert(whole_pages(at, size));
  if (size == 0) return true;
  void *p = mmap(at, size, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return p != MAP_FAILED;
}

bool lw_os_move(void *from, size_t size, void *to)
{
  assert(whole_pages(from, size) && whole_pages(to, size));
  if (size == 0) return true;
  return mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to;
}

void lw_os_release(void *at, size_t size)
{
  assert(whole_pages(at, size));
  if (!at || size == 0) return;
  /* Refused when it would split a mapping that merged with its neighbours and the process
     has too many: then at least the memory goes. */
  if (munmap(at, size) != 0) (void)lw_os_decommit(at, size);
}

#define LARGE ((size_t)4 << 20) /* below, the ends of a mapping outweigh its middle */

void lw_os_large_pages(void *at, size_t size)
{
  if (size >= LARGE) (void)madvise(at, lw_os_pages(size), MADV_HUGEPAGE);
}

void *lw_os_bulk_alloc(size_t size)
{
  if (size < LARGE) return malloc(size ? size : 1);
  if (size > SIZE_MAX - PAGE) return NULL;
  void *p = mmap(NULL, lw_os_pages(size), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return NULL;
  lw_os_large_pages(p, size);
  return p;
}

void lw_os_bulk_free(void *at, size_t size)
{
  if (size < LARGE)
    free(at);
  else if (at)
    munmap(at, lw_os_pages(size));
}

int lw_os_image_new(size_t size, void **view)
{
  assert(size && whole_pages(NULL, size));
  int fd = memfd_create("wasm data", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  if (ftruncate(fd, (off_t)size) == 0) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) {
      *view = p;
      return fd;
    }
  }
  close(fd);
  return -1;
}

bool lw_os_image_seal(int image, void *view, size_t size)
{
  if (munmap(view, size) != 0) return false;
  /* From here on nobody can change what all instances start from. */
  int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  return fcntl(image, F_ADD_SEALS, seals) == 0;
}

bool lw_os_image_map(int image, void *at, size_t size)
{
  assert(whole_pages(at, size) && size);
  void *p = mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, image, 0);
  return p != MAP_FAILED;
}

void lw_os_image_free(int image)
{
  close(image);
}
