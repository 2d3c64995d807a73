/*
** path.c -- from a directory of the host and a guest's path to a descriptor, never out of
** that directory.
**
** The walk of our own keeps a descriptor for each directory it has gone down, so ".."
** never asks the system where that is: it goes back to the one before. Each step is
** taken with O_NOFOLLOW, and links are read and put before what is left of the path. So
** it does not matter what another process does to the tree meanwhile: every step starts
** at a directory that was reached from the first one.
** Layer: wasi.
*/
#include "wasi/path.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  WALK_DEPTH = 256,
  WALK_LINKS = 40,             /* as the system has it */
  WALK_TRIES = 64,             /* of openat2, and of a last component that changes */
  REST_MAX = 3 * WASI_PATH_MAX /* of a path with a link put in */
};

/* ---- the kernel's way ---- */

static atomic_bool no_openat2;

static int kernel_open(int dir, const char *path, int flags, unsigned mode)
{
  struct open_how how = {.flags = (unsigned)flags,
                         .mode = flags & O_CREAT ? mode : 0,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  for (int n = 0; n < WALK_TRIES; n++) {
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    /* EAGAIN: something was renamed meanwhile, so that ".." cannot be judged */
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return fd;
  }
  return -1;
}

/* ---- our own ---- */

typedef struct Walker {
  int fds[WALK_DEPTH]; /* [0]: where it starts, not ours */
  unsigned depth, links;
  bool follow;
  char rest[REST_MAX + 1];
} Walker;

static int top(const Walker *k)
{
  return k->fds[k->depth];
}

static void walk_end(Walker *k)
{
  int kept = errno;
  while (k->depth > 0)
    close(k->fds[k->depth--]);
  errno = kept;
}

/* The link `name` is read, and what is behind it in the path put after its target.
   WASI_INVAL: it is none. */
static Errno follow_link(Walker *k, const char *name, const char *behind)
{
  char target[WASI_PATH_MAX];
  ssize_t n = readlinkat(top(k), name, target, sizeof target);
  if (n < 0) return lw_errno_of(errno);
  size_t left = strlen(behind);
  if (++k->links > WALK_LINKS) return WASI_LOOP;
  if (n == 0) return WASI_NOENT;
  if ((size_t)n >= sizeof target || (size_t)n + left > REST_MAX) return WASI_NAMETOOLONG;
  if (target[0] == '/') return WASI_NOTCAPABLE;
  memmove(k->rest + n, behind, left + 1);
  memcpy(k->rest, target, (size_t)n);
  return WASI_SUCCESS;
}

static Errno walk_down(Walker *k, const char *name, const char *behind)
{
  int fd = openat(top(k), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno != ENOTDIR) return lw_errno_of(errno);
    Errno e = follow_link(k, name, behind);
    return e == WASI_INVAL ? WASI_NOTDIR : e;
  }
  if (k->depth + 1 == WALK_DEPTH) {
    close(fd);
    return WASI_NAMETOOLONG;
  }
  k->fds[++k->depth] = fd;
  memmove(k->rest, behind, strlen(behind) + 1);
  return WASI_SUCCESS;
}

/* The last component. *out stays -1 when the walk is to go on: it was a link. */
static Errno walk_last(Walker *k, const char *name, const char *behind, int flags,
                       unsigned mode, int *out)
{
  if (k->follow || *behind) {
    Errno e = follow_link(k, name, behind);
    if (e == WASI_SUCCESS || (e != WASI_INVAL && e != WASI_NOENT)) return e;
  }
  if (*behind && flags & O_CREAT) return WASI_ISDIR;
  if (*behind) flags |= O_DIRECTORY;
  *out = openat(top(k), name, flags | O_NOFOLLOW, mode);
  if (*out >= 0) return WASI_SUCCESS;
  /* it has become a link since we looked? */
  if (errno == ELOOP && k->follow && ++k->links <= WALK_LINKS) return WASI_SUCCESS;
  return lw_errno_of(errno);
}

static Errno walk_step(Walker *k, int flags, unsigned mode, int *out)
{
  size_t skip = strspn(k->rest, "/");
  size_t size = strcspn(k->rest + skip, "/");
  const char *behind = k->rest + skip + size;
  char name[256];
  if (size >= sizeof name) return WASI_NAMETOOLONG;
  memcpy(name, k->rest + skip, size);
  name[size] = '\0';
  bool last = behind[strspn(behind, "/")] == '\0';
  if (size == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
    if (strcmp(name, "..") == 0) {
      if (k->depth == 0) return WASI_NOTCAPABLE;
      close(k->fds[k->depth--]);
    }
    if (last) {
      *out = openat(top(k), ".", flags & ~O_NOFOLLOW, mode);
      return *out < 0 ? lw_errno_of(errno) : WASI_SUCCESS;
    }
    memmove(k->rest, behind, strlen(behind) + 1);
    return WASI_SUCCESS;
  }
  return last ? walk_last(k, name, behind, flags, mode, out) : walk_down(k, name, behind);
}

static Errno walk_open(int dir, const char *path, int flags, unsigned mode, int *out)
{
  Walker k;
  Errno e = WASI_SUCCESS;
  k.fds[0] = dir;
  k.depth = k.links = 0;
  k.follow = !(flags & O_NOFOLLOW) && !(flags & O_CREAT && flags & O_EXCL);
  memcpy(k.rest, path, strlen(path) + 1);
  *out = -1;
  while (e == WASI_SUCCESS && *out < 0)
    e = walk_step(&k, flags, mode, out);
  walk_end(&k);
  return e;
}

/* ---- both ---- */

Errno lw_path_open(const Wasi *w, int dir, const char *path, int flags, unsigned mode,
                   int *out)
{
  flags |= O_CLOEXEC;
  assert(path[0] && strlen(path) <= WASI_PATH_MAX);
  if (path[0] == '/') return WASI_NOTCAPABLE;
  if (w->walk || atomic_load(&no_openat2)) return walk_open(dir, path, flags, mode, out);
  *out = kernel_open(dir, path, flags, mode);
  if (*out >= 0) return WASI_SUCCESS;
  if (errno == EXDEV) return WASI_NOTCAPABLE; /* out of the directory */
  if (errno == ENOSYS) atomic_store(&no_openat2, true);
  /* EPERM: a filter of system calls may know no better answer */
  if (errno == ENOSYS || errno == EPERM || errno == EAGAIN)
    return walk_open(dir, path, flags, mode, out);
  return lw_errno_of(errno);
}

Errno lw_path_parent(const Wasi *w, int dir, const char *path, Parent *out)
{
  char before[WASI_PATH_MAX + 1];
  size_t size = strlen(path), from;
  if (path[0] == '/') return WASI_NOTCAPABLE;
  out->slash = path[size - 1] == '/';
  while (path[size - 1] == '/')
    size--;
  for (from = size; from > 0 && path[from - 1] != '/';)
    from--;
  if (size - from >= sizeof out->name) return WASI_NAMETOOLONG;
  memcpy(out->name, path + from, size - from);
  out->name[size - from] = '\0';
  out->here = strcmp(out->name, ".") == 0;
  out->up = strcmp(out->name, "..") == 0;
  out->host = dir;
  out->mine = false;
  if (out->here || out->up) { /* is it inside at all? */
    TRY_ERRNO(lw_path_open(w, dir, path, O_PATH | O_DIRECTORY, 0, &out->host));
    out->mine = true;
    return WASI_SUCCESS;
  }
  if (from == 0) return WASI_SUCCESS;
  memcpy(before, path, from);
  before[from] = '\0';
  TRY_ERRNO(lw_path_open(w, dir, before, O_PATH | O_DIRECTORY, 0, &out->host));
  out->mine = true;
  return WASI_SUCCESS;
}

void lw_path_done(Parent *p)
{
  int kept = errno;
  if (p->mine) close(p->host);
  p->mine = false;
  errno = kept;
}
