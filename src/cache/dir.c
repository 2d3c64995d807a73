/*
** dir.c -- entries in a directory.
** Layer: cache.
*/
#include "cache/dir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY ".new-"
enum { NAME_SIZE = 32, TOUCH_SECONDS = 60 };

static bool is_private(const struct stat *s)
{
  return s->st_uid == geteuid() && (s->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool is_entry_name(const char *name)
{
  return strspn(name, "0123456789abcdef") == NAME_SIZE && name[NAME_SIZE] == '\0';
}

/* ---- the directory ---- */

/* mkdir -p, for us alone. Whether it worked, opening it will tell. */
static void make_all(const char *path)
{
  char *part = strdup(path);
  if (!part) return;
  for (char *p = part + 1; *p; p++) {
    if (*p != '/') continue;
    *p = '\0';
    mkdir(part, 0700);
    *p = '/';
  }
  mkdir(part, 0700);
  free(part);
}

static Status check(const char *path, int fd, struct stat *s, Err *err)
{
  if (fstat(fd, s) != 0)
    return lw_fail(err, LW_IO, ERR_NOWHERE, "%s: %s", path, strerror(errno));
  if (s->st_uid != geteuid())
    return lw_fail(err, LW_IO, ERR_NOWHERE,
                   "%s: belongs to another user (%u), who could put code there", path,
                   (unsigned)s->st_uid);
  if (!is_private(s))
    return lw_fail(err, LW_IO, ERR_NOWHERE,
                   "%s: may be written by others (mode %03o), who could put code there; "
                   "chmod go-w makes it usable",
                   path, (unsigned)s->st_mode & 0777);
  return LW_OK;
}

static int open_path(const char *path, bool create)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 || errno != ENOENT || !create) return fd;
  make_all(path);
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Status lw_dir_open(const char *path, bool create, Dir *out, Err *err)
{
  struct stat s;
  *out = (Dir){.fd = -1};
  int fd = open_path(path, create);
  if (fd < 0) return lw_fail(err, LW_IO, ERR_NOWHERE, "%s: %s", path, strerror(errno));
  Status status = check(path, fd, &s, err);
  char *copy = status == LW_OK ? realpath(path, NULL) : NULL;
  if (status == LW_OK && !copy) copy = strdup(path);
  if (status == LW_OK && !copy) status = lw_nomem(err, "a cache");
  if (status != LW_OK) {
    close(fd);
    return status;
  }
  *out = (Dir){fd, copy, s.st_dev, s.st_ino};
  return LW_OK;
}

void lw_dir_close(Dir *d)
{
  if (d->fd >= 0) close(d->fd);
  free(d->path);
  *d = (Dir){.fd = -1};
}

/* It was deleted: another one in its place, under the same descriptor. */
static bool reopen(const Dir *d)
{
  struct stat s;
  Err ignored = {.at = ERR_NOWHERE};
  int fd = open_path(d->path, true);
  if (fd < 0) return false;
  bool ok = check(d->path, fd, &s, &ignored) == LW_OK && dup3(fd, d->fd, O_CLOEXEC) >= 0;
  close(fd);
  return ok;
}

/* ---- reading ---- */

static void note_use(int fd, const struct stat *s)
{
  time_t now = time(NULL);
  int64_t since = (int64_t)now - (int64_t)s->st_mtime;
  if (since < 0 || since > TOUCH_SECONDS) futimens(fd, NULL); /* clocks also go back */
}

int lw_dir_find(const Dir *d, const char *name, bool note, uint64_t *size, bool *bad)
{
  struct stat s;
  assert(is_entry_name(name));
  *bad = false;
  if (fstatat(d->fd, name, &s, AT_SYMLINK_NOFOLLOW) != 0) return -1;
  *bad = s.st_uid == geteuid();
  if (!S_ISREG(s.st_mode)) return -1;
  int fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    /* whoever has no more descriptors or memory knows nothing about the entry */
    if (errno != EACCES && errno != ELOOP) *bad = false;
    return -1;
  }
  if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || !is_private(&s) || s.st_nlink != 1) {
    close(fd);
    return -1;
  }
  if (note) note_use(fd, &s);
  *size = (uint64_t)s.st_size;
  *bad = false;
  return fd;
}

bool lw_dir_remove(const Dir *d, const char *name, int fd)
{
  struct stat now, was;
  assert(is_entry_name(name));
  if (fstatat(d->fd, name, &now, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (now.st_uid != geteuid()) return false;
  if (fd >= 0 && (fstat(fd, &was) != 0 || was.st_ino != now.st_ino)) return false;
  return unlinkat(d->fd, name, S_ISDIR(now.st_mode) ? AT_REMOVEDIR : 0) == 0;
}

/* ---- writing ---- */

static bool write_all(int fd, const void *bytes, size_t size)
{
  const char *p = bytes;
  while (size > 0) {
    ssize_t n = write(fd, p, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    p += n;
    size -= (size_t)n;
  }
  return true;
}

static bool write_parts(int fd, const EntryParts *parts)
{
  for (int k = 0; k < ENTRY_PARTS; k++)
    if (!write_all(fd, parts->part[k].at, parts->part[k].size)) return false;
  return write_all(fd, parts->check, sizeof parts->check) && fsync(fd) == 0;
}

static int open_temporary(const Dir *d, char *name, size_t cap)
{
  static atomic_uint number;
  for (int tries = 0; tries < 100; tries++) {
    snprintf(name, cap, TEMPORARY "%ld-%u", (long)getpid(), atomic_fetch_add(&number, 1));
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(d->fd, name, flags, 0600);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

/* Somebody who sweeps may take the file away before it is locked: then another one. */
static int open_locked(const Dir *d, char *name, size_t cap)
{
  struct stat s;
  for (int tries = 0; tries < 100; tries++) {
    int fd = open_temporary(d, name, cap);
    if (fd < 0) return -1;
    bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (locked && fstat(fd, &s) == 0 && s.st_nlink > 0) return fd;
    bool swept = locked || errno == EWOULDBLOCK;
    int why = errno;
    if (!swept) unlinkat(d->fd, name, 0);
    close(fd);
    errno = swept ? EBUSY : why;
    if (!swept) break;
  }
  return -1;
}

Status lw_dir_write(const Dir *d, const char *name, const EntryParts *parts, Err *err)
{
  char temporary[64];
  assert(is_entry_name(name));
  int fd = open_locked(d, temporary, sizeof temporary);
  if (fd < 0 && errno == ENOENT && reopen(d))
    fd = open_locked(d, temporary, sizeof temporary);
  if (fd < 0) return lw_fail(err, LW_IO, ERR_NOWHERE, "%s: %s", d->path, strerror(errno));
  bool ok = write_parts(fd, parts) && renameat(d->fd, temporary, d->fd, name) == 0;
  int why = errno;
  if (!ok) unlinkat(d->fd, temporary, 0);
  close(fd);
  if (!ok) return lw_fail(err, LW_IO, ERR_NOWHERE, "%s: %s", d->path, strerror(why));
  fsync(d->fd); /* else the name may be lost with the power: a miss then */
  return LW_OK;
}

/* ---- all of them ---- */

static int by_use(const void *a, const void *b)
{
  const DirItem *x = a, *y = b;
  if (x->used != y->used) return x->used < y->used ? -1 : 1;
  return strcmp(x->name, y->name);
}

/* A stream of its own over the directory, so that two threads do not share a position. */
static DIR *stream_of(const Dir *d)
{
  int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
  if (!stream && fd >= 0) close(fd);
  return stream;
}

size_t lw_dir_list(const Dir *d, DirItem **out)
{
  size_t n = 0, cap = 0;
  struct dirent *entry;
  struct stat s;
  *out = NULL;
  DIR *stream = stream_of(d);
  if (!stream) return 0;
  while ((entry = readdir(stream))) {
    if (!is_entry_name(entry->d_name)) continue;
    if (fstatat(d->fd, entry->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(s.st_mode)) continue;
    if (n == cap) {
      size_t more = cap ? cap * 2 : 64;
      DirItem *grown = realloc(*out, more * sizeof *grown);
      if (!grown) break;
      *out = grown;
      cap = more;
    }
    DirItem *item = &(*out)[n++];
    memcpy(item->name, entry->d_name, NAME_SIZE + 1);
    item->size = (uint64_t)s.st_size;
    item->used = (int64_t)s.st_mtime;
  }
  closedir(stream);
  if (n) qsort(*out, n, sizeof **out, by_use);
  return n;
}

void lw_dir_sweep(const Dir *d)
{
  struct dirent *entry;
  struct stat s;
  DIR *stream = stream_of(d);
  if (!stream) return;
  while ((entry = readdir(stream))) {
    if (strncmp(entry->d_name, TEMPORARY, strlen(TEMPORARY)) != 0) continue;
    int fd = openat(d->fd, entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) continue;
    bool ours = fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid();
    /* whoever writes it holds the lock; one who is about to take it writes in vain */
    if (ours && flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(d->fd, entry->d_name, 0);
    close(fd);
  }
  closedir(stream);
}
