/*
** dir.c -- directories of the host.
**
** What follows no link acts on a resolved parent and one component of the path, which is
** never "." or "..": the system sees no name that could lead anywhere else.
** Layer: wasi.
*/
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wasi/call.h"
#include "wasi/path.h"

static Errno status(int result)
{
  return result < 0 ? lw_errno_of(errno) : WASI_SUCCESS;
}

/* ---- opening ---- */

static int open_flags(const OpenHow *how)
{
  bool write = how->write || how->oflags & OFLAG_TRUNC;
  int flags = write ? (how->read ? O_RDWR : O_WRONLY) : O_RDONLY;
  flags |= O_NONBLOCK | O_NOCTTY; /* we wait by poll, where an interrupt ends it */
  if (how->oflags & OFLAG_CREAT) flags |= O_CREAT;
  if (how->oflags & OFLAG_DIRECTORY) flags |= O_DIRECTORY;
  if (how->oflags & OFLAG_EXCL) flags |= O_EXCL;
  if (how->oflags & OFLAG_TRUNC) flags |= O_TRUNC;
  if (how->fdflags & FDFLAG_APPEND) flags |= O_APPEND;
  if (how->fdflags & FDFLAG_DSYNC) flags |= O_DSYNC;
  if (how->fdflags & (FDFLAG_SYNC | FDFLAG_RSYNC)) flags |= O_SYNC;
  if (!how->follow) flags |= O_NOFOLLOW;
  return flags;
}

static Errno dir_open(Call *c, Desc *d, const char *path, const OpenHow *how, Desc *out)
{
  struct stat st;
  int fd;
  TRY_ERRNO(lw_path_open(c->w, d->host, path, open_flags(how), 0666, &fd));
  if (fstat(fd, &st) != 0) {
    Errno e = lw_errno_of(errno);
    close(fd);
    return e;
  }
  out->host = fd;
  out->type = lw_type_of_mode(st.st_mode);
  out->ops = S_ISDIR(st.st_mode) ? &lw_ops_dir : &lw_ops_file;
  return WASI_SUCCESS;
}

/* ---- what a path names ---- */

/* A descriptor that stands for it, and can do nothing else. */
static Errno find(Call *c, const Desc *d, const char *path, bool follow, int *out)
{
  return lw_path_open(c->w, d->host, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, out);
}

static Errno dir_path_stat(Call *c, Desc *d, const char *path, bool follow, FileStat *out)
{
  struct stat st;
  int fd;
  TRY_ERRNO(find(c, d, path, follow, &fd));
  Errno e = status(fstat(fd, &st));
  close(fd);
  if (e == WASI_SUCCESS) lw_stat_of(&st, out);
  return e;
}

static void name_of_fd(int fd, char name[40])
{
  snprintf(name, 40, "/proc/self/fd/%d", fd);
}

static Errno dir_path_set_times(Call *c, Desc *d, const char *path, bool follow,
                                const struct timespec times[2])
{
  char name[40];
  int fd;
  TRY_ERRNO(find(c, d, path, follow, &fd));
  int done = utimensat(fd, "", times, AT_EMPTY_PATH);
  if (done != 0 && errno == EINVAL) { /* before Linux 5.8 */
    name_of_fd(fd, name);
    done = utimensat(AT_FDCWD, name, times, 0);
  }
  Errno e = status(done);
  close(fd);
  return e;
}

/* What ends with a slash, "." or ".." is a directory, if anything. */
static Errno no_link(Call *c, const Desc *d, const char *path)
{
  int fd;
  TRY_ERRNO(find(c, d, path, true, &fd));
  close(fd);
  return WASI_INVAL;
}

static Errno dir_readlink(Call *c, Desc *d, const char *path, char *to, size_t *size)
{
  Parent p;
  TRY_ERRNO(lw_path_parent(c->w, d->host, path, &p));
  if (p.slash || p.here || p.up) {
    lw_path_done(&p);
    return no_link(c, d, path);
  }
  ssize_t n = readlinkat(p.host, p.name, to, *size);
  Errno e = n < 0 ? lw_errno_of(errno) : WASI_SUCCESS;
  lw_path_done(&p);
  if (e == WASI_SUCCESS) *size = (size_t)n;
  return e;
}

/* ---- changing directories ---- */

static Errno dir_make_dir(Call *c, Desc *d, const char *path)
{
  Parent p;
  TRY_ERRNO(lw_path_parent(c->w, d->host, path, &p));
  Errno e = p.here || p.up ? WASI_EXIST : status(mkdirat(p.host, p.name, 0777));
  lw_path_done(&p);
  return e;
}

static Errno dir_remove_dir(Call *c, Desc *d, const char *path)
{
  Parent p;
  TRY_ERRNO(lw_path_parent(c->w, d->host, path, &p));
  Errno e = p.here ? WASI_INVAL
            : p.up ? WASI_NOTEMPTY
                   : status(unlinkat(p.host, p.name, AT_REMOVEDIR));
  lw_path_done(&p);
  return e;
}

/* Is the component a directory, links not followed? */
static Errno is_directory(const Parent *p, bool *out)
{
  struct stat st;
  TRY_ERRNO(status(fstatat(p->host, p->name, &st, AT_SYMLINK_NOFOLLOW)));
  *out = S_ISDIR(st.st_mode);
  return WASI_SUCCESS;
}

static Errno dir_unlink(Call *c, Desc *d, const char *path)
{
  Parent p;
  bool directory = true;
  TRY_ERRNO(lw_path_parent(c->w, d->host, path, &p));
  Errno e = WASI_SUCCESS;
  if (p.slash && !p.here && !p.up) e = is_directory(&p, &directory);
  if (e == WASI_SUCCESS && (p.slash || p.here || p.up))
    e = directory ? WASI_ISDIR : WASI_NOTDIR;
  else if (e == WASI_SUCCESS)
    e = status(unlinkat(p.host, p.name, 0));
  lw_path_done(&p);
  return e;
}

static Errno rename_checked(const Parent *from, const Parent *to)
{
  bool directory = true;
  if (from->here || from->up || to->here || to->up) return WASI_BUSY;
  if (from->slash || to->slash) TRY_ERRNO(is_directory(from, &directory));
  if (!directory) return WASI_NOTDIR;
  return status(renameat(from->host, from->name, to->host, to->name));
}

static Errno dir_rename(Call *c, Desc *d, const char *path, Desc *to_dir,
                        const char *to_path)
{
  Parent from, to;
  TRY_ERRNO(lw_path_parent(c->w, d->host, path, &from));
  Errno e = lw_path_parent(c->w, to_dir->host, to_path, &to);
  if (e == WASI_SUCCESS) {
    e = rename_checked(&from, &to);
    lw_path_done(&to);
  }
  lw_path_done(&from);
  return e;
}

/* A link to what `path` is or, if it is a link and followed, leads to. */
static Errno link_checked(Call *c, const Desc *d, const char *path, bool follow,
                          const Parent *from, const Parent *to)
{
  char name[40];
  bool directory;
  int fd;
  if (to->here || to->up) return WASI_EXIST;
  if (from->here || from->up) return WASI_PERM;
  if (to->slash) return WASI_NOENT;
  if (from->slash) {
    TRY_ERRNO(is_directory(from, &directory));
    return directory ? WASI_PERM : WASI_NOTDIR;
  }
  if (!follow) return status(linkat(from->host, from->name, to->host, to->name, 0));
  TRY_ERRNO(find(c, d, path, true, &fd));
  name_of_fd(fd, name);
  Errno e = status(linkat(AT_FDCWD, name, to->host, to->name, AT_SYMLINK_FOLLOW));
  close(fd);
  return e;
}

static Errno dir_link(Call *c, Desc *d, const char *path, bool follow, Desc *to_dir,
                      const char *to_path)
{
  Parent from, to;
  TRY_ERRNO(lw_path_parent(c->w, d->host, path, &from));
  Errno e = lw_path_parent(c->w, to_dir->host, to_path, &to);
  if (e == WASI_SUCCESS) {
    e = link_checked(c, d, path, follow, &from, &to);
    lw_path_done(&to);
  }
  lw_path_done(&from);
  return e;
}

static Errno dir_symlink(Call *c, Desc *d, const char *target, const char *path)
{
  Parent p;
  TRY_ERRNO(lw_path_parent(c->w, d->host, path, &p));
  bool directory;
  Errno e = p.here || p.up ? WASI_EXIST : WASI_SUCCESS;
  if (e == WASI_SUCCESS && p.slash) { /* no link can be made there, whatever it is */
    e = is_directory(&p, &directory);
    if (e == WASI_SUCCESS) e = directory ? WASI_EXIST : WASI_NOTDIR;
  } else if (e == WASI_SUCCESS)
    e = status(symlinkat(target, p.host, p.name));
  lw_path_done(&p);
  return e;
}

/* ---- listing ---- */

/* An entry as the system's getdents64 gives it. */
typedef struct Entry {
  uint64_t ino;
  int64_t next;
  uint16_t size;
  uint8_t type;
  char name[];
} Entry;

static uint8_t entry_type(int dir, const Entry *e)
{
  struct stat st;
  switch (e->type) {
  case DT_BLK: return FILETYPE_BLOCK;
  case DT_CHR: return FILETYPE_CHARACTER;
  case DT_DIR: return FILETYPE_DIRECTORY;
  case DT_REG: return FILETYPE_REGULAR;
  case DT_SOCK: return FILETYPE_STREAM;
  case DT_LNK: return FILETYPE_SYMLINK;
  case DT_UNKNOWN:
    if (fstatat(dir, e->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
      return lw_type_of_mode(st.st_mode);
    return FILETYPE_UNKNOWN;
  default: return FILETYPE_UNKNOWN;
  }
}

/* Cookies are the system's own, which stay good while the directory changes. */
static Errno dir_list(Call *c, Desc *d, uint64_t cookie, Listing *out)
{
  _Alignas(16) char buffer[16384];
  (void)c;
  if (cookie > INT64_MAX) return WASI_INVAL;
  if (out->size == 0) return WASI_SUCCESS;
  if (lseek(d->host, (off_t)cookie, SEEK_SET) < 0) return lw_errno_of(errno);
  for (;;) {
    long n = syscall(SYS_getdents64, d->host, buffer, sizeof buffer);
    if (n < 0) return lw_errno_of(errno);
    if (n == 0) return WASI_SUCCESS;
    for (long at = 0; at < n;) {
      const Entry *e = (const Entry *)(const void *)(buffer + at);
      at += e->size;
      if (!lw_listing_add(out, (uint64_t)e->next, e->ino, entry_type(d->host, e),
                          e->name))
        return WASI_SUCCESS;
    }
  }
}

/* ---- itself ---- */

static void dir_close(Wasi *w, Desc *d)
{
  (void)w;
  close(d->host);
}

static Errno dir_stat(Call *c, Desc *d, FileStat *out)
{
  struct stat st;
  (void)c;
  TRY_ERRNO(status(fstat(d->host, &st)));
  lw_stat_of(&st, out);
  return WASI_SUCCESS;
}

static Errno dir_set_times(Call *c, Desc *d, const struct timespec times[2])
{
  (void)c;
  return status(futimens(d->host, times));
}

static Errno dir_sync(Call *c, Desc *d, bool data_only)
{
  (void)c;
  return status(data_only ? fdatasync(d->host) : fsync(d->host));
}

static Errno dir_set_flags(Call *c, Desc *d, unsigned flags)
{
  (void)c;
  d->flags = (uint16_t)flags; /* none of them means anything for a directory */
  return WASI_SUCCESS;
}

const Ops lw_ops_dir = {
  .close = dir_close,
  .stat = dir_stat,
  .set_times = dir_set_times,
  .sync = dir_sync,
  .set_flags = dir_set_flags,
  .list = dir_list,
  .open = dir_open,
  .path_stat = dir_path_stat,
  .path_set_times = dir_path_set_times,
  .make_dir = dir_make_dir,
  .remove_dir = dir_remove_dir,
  .unlink = dir_unlink,
  .rename = dir_rename,
  .link = dir_link,
  .symlink = dir_symlink,
  .readlink = dir_readlink,
};
