/*
** served.c -- directories that are not there: the binding answers for what is in them.
**
** Every operation is a question that names a path (ASK_DIR), so a descriptor is a path
** and a position, and nothing is kept between two calls: what somebody renames or
** removes is gone for those who have it open as well. Paths are plain by the time they
** are asked for: names with single slashes between them, no "." and "..", "" for the
** directory itself; ".." takes away the name before it, and never leads out of the
** descriptor's directory. An operation that takes several questions is made again from
** its start after each (native.h), and knows by the last one how far it is.
** Layer: wasi.
*/
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "wasi/call.h"

enum { NAME_MOST = 255, READ_MOST = 1 << 20 };

/* ---- paths ---- */

typedef struct PlainPath {
  bool slash;      /* it ended with one or a dot, or names where it started from */
  bool here, up;   /* its last component is "." or ".." */
  size_t size;     /* of the path */
  size_t path_min; /* of the descriptor's */
  char path[WASI_PATH_MAX + 1];
} PlainPath;

static Errno name_add(PlainPath *n, const char *from, size_t size)
{
  n->here = size == 1 && from[0] == '.';
  n->up = size == 2 && from[0] == '.' && from[1] == '.';
  if (n->here) return WASI_SUCCESS;
  if (n->up) {
    if (n->size <= n->path_min) return WASI_NOTCAPABLE;
    while (n->size > n->path_min && n->path[n->size - 1] != '/')
      n->size--;
    if (n->size > n->path_min) n->size--; /* the slash */
    n->path[n->size] = '\0';
    return WASI_SUCCESS;
  }
  if (size > NAME_MOST || n->size + 1 + size > WASI_PATH_MAX) return WASI_NAMETOOLONG;
  if (n->size > 0) n->path[n->size++] = '/';
  memcpy(n->path + n->size, from, size);
  n->size += size;
  n->path[n->size] = '\0';
  return WASI_SUCCESS;
}

static Errno name_of(const Desc *d, const char *path, PlainPath *n)
{
  if (path[0] == '/') return WASI_NOTCAPABLE;
  *n = (PlainPath){.size = strlen(d->path), .path_min = strlen(d->path)};
  memcpy(n->path, d->path, n->size);
  for (const char *p = path; *p;) {
    size_t size = strcspn(p, "/");
    TRY_ERRNO(name_add(n, p, size));
    p += size;
    n->slash = *p == '/' || n->here || n->up || n->size == n->path_min;
    p += strspn(p, "/");
  }
  return WASI_SUCCESS;
}

/* One that is to be made or to go. */
static Errno name_to_change(const Desc *d, const char *path, PlainPath *n)
{
  TRY_ERRNO(name_of(d, path, n));
  if (n->here || n->up) return WASI_INVAL;
  assert(n->size > n->path_min);
  return WASI_SUCCESS;
}

/* ---- questions ---- */

static bool did(const Call *c, DirCall what)
{
  return answered(c, ASK_DIR) && ask_of(c)->how == what;
}

/* What came of the last question. */
static Errno outcome(const Call *c)
{
  const NativeAsk *a = ask_of(c);
  if (!a->failed) return WASI_SUCCESS;
  return a->number > 0 && a->number < WASI_ERRNO__MAX ? (Errno)a->number : WASI_IO;
}

/* Who can change nothing is like a read-only file system. */
static Errno cannot(const Desc *d, DirCall what)
{
  bool changes = what != DIR_LIST && what != DIR_READ && !(d->can & DIR_CHANGES);
  return changes ? WASI_ROFS : WASI_NOTSUP;
}

static Errno ask_dir(Call *c, const Desc *d, DirCall what, const char *path,
                     const char *to, uint64_t number)
{
  size_t size = strlen(path) + 1, more = to ? strlen(to) + 1 : 0;
  if (!(d->can & 1u << what)) return cannot(d, what);
  char *paths = malloc(size + more);
  if (!paths) return WASI_NOMEM;
  memcpy(paths, path, size);
  if (to) memcpy(paths + size, to, more);
  Errno e = ask(c, ASK_DIR, d->served, number);
  ask_of(c)->how = what;
  ask_of(c)->owned = paths;
  return e;
}

static uint64_t inode_of(const Desc *d, const char *path)
{
  return (lw_hash128(path, strlen(path)).low ^ d->served) | 1;
}

/* Ask for what a path names, or take it. */
static Errno stat_path(Call *c, const Desc *d, const char *path, FileStat *out)
{
  *out = (FileStat){.dev = 2, .ino = inode_of(d, path), .nlink = 1};
  if (path[0] == '\0') {
    out->type = FILETYPE_DIRECTORY;
    return WASI_SUCCESS;
  }
  if (!did(c, DIR_STAT)) return ask_dir(c, d, DIR_STAT, path, NULL, 0);
  TRY_ERRNO(outcome(c));
  const NativeAsk *a = ask_of(c);
  out->type = a->which == DIR_IS_DIR ? FILETYPE_DIRECTORY : FILETYPE_REGULAR;
  out->size = a->number;
  out->atim = out->mtim = out->ctim = a->more;
  return WASI_SUCCESS;
}

/* ---- files and directories that are open ---- */

static void served_close(Wasi *w, Desc *d)
{
  (void)w;
  free(d->path);
}

static Errno served_stat(Call *c, Desc *d, FileStat *out)
{
  return stat_path(c, d, d->path, out);
}

static Errno served_read(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                         uint64_t *n)
{
  uint64_t from = at ? *at : d->at;
  if (io->total == 0 || from > INT64_MAX - READ_MOST) return WASI_SUCCESS; /* the end */
  if (!did(c, DIR_READ)) {
    Errno e = ask_dir(c, d, DIR_READ, d->path, NULL, from);
    ask_of(c)->size = io->total < READ_MOST ? io->total : READ_MOST;
    return e;
  }
  TRY_ERRNO(outcome(c));
  size_t size = ask_of(c)->size < READ_MOST ? ask_of(c)->size : READ_MOST;
  *n = lw_scatter(io, ask_of(c)->bytes, size);
  if (!at) d->at = from + *n;
  return WASI_SUCCESS;
}

/* How much the binding writes: lw_wasi_gather gives it the bytes. */
static Errno served_write(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                          uint64_t *n)
{
  FileStat st;
  uint64_t to = at ? *at : d->at, most = io->total < READ_MOST ? io->total : READ_MOST;
  if (io->total == 0) return WASI_SUCCESS;
  if (!did(c, DIR_WRITE)) {
    if (!at && d->flags & FDFLAG_APPEND) {
      TRY_ERRNO(served_stat(c, d, &st));
      to = st.size;
    }
    if (to > INT64_MAX - most) return WASI_FBIG;
    Errno e = ask_dir(c, d, DIR_WRITE, d->path, NULL, to);
    ask_of(c)->size = most;
    ask_of(c)->done = to;
    return e;
  }
  TRY_ERRNO(outcome(c));
  *n = ask_of(c)->size < io->total ? ask_of(c)->size : io->total;
  if (!at) d->at = ask_of(c)->done + *n;
  return WASI_SUCCESS;
}

static Errno served_seek(Call *c, Desc *d, int64_t by, int whence, uint64_t *now)
{
  FileStat st = {0};
  if (whence == SEEK_END) TRY_ERRNO(served_stat(c, d, &st));
  uint64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? d->at : st.size;
  if (by < 0 ? (uint64_t)0 - (uint64_t)by > from : (uint64_t)by > INT64_MAX - from)
    return WASI_INVAL;
  d->at = *now = from + (uint64_t)by;
  return WASI_SUCCESS;
}

static Errno served_set_size(Call *c, Desc *d, uint64_t size)
{
  if (size > INT64_MAX) return WASI_INVAL;
  if (did(c, DIR_TRUNCATE)) return outcome(c);
  return ask_dir(c, d, DIR_TRUNCATE, d->path, NULL, size);
}

static Errno served_sync(Call *c, Desc *d, bool data_only)
{
  (void)c;
  (void)d;
  (void)data_only;
  return WASI_SUCCESS;
}

static Errno served_set_flags(Call *c, Desc *d, unsigned flags)
{
  (void)c;
  d->flags = (uint16_t)flags;
  return WASI_SUCCESS;
}

/* Cookies: 1 behind ".", 2 behind "..", then an entry's place in the listing + 3. */
static Errno served_list(Call *c, Desc *d, uint64_t cookie, Listing *out)
{
  if (!did(c, DIR_LIST)) return ask_dir(c, d, DIR_LIST, d->path, NULL, 0);
  TRY_ERRNO(outcome(c));
  uint64_t next = 2, ino = inode_of(d, d->path);
  if (out->size == 0) return WASI_SUCCESS;
  if (cookie < 1 && !lw_listing_add(out, 1, ino, FILETYPE_DIRECTORY, "."))
    return WASI_SUCCESS;
  if (cookie < 2 && !lw_listing_add(out, 2, ino, FILETYPE_DIRECTORY, ".."))
    return WASI_SUCCESS;
  const char *p = ask_of(c)->bytes, *end = p ? p + ask_of(c)->size : p;
  while (p < end) {
    bool dir = *p++ == DIR_IS_DIR;
    PlainPath n;
    if (++next > cookie) {
      TRY_ERRNO(name_of(d, p, &n));
      uint8_t type = dir ? FILETYPE_DIRECTORY : FILETYPE_REGULAR;
      if (!lw_listing_add(out, next, inode_of(d, n.path), type, p)) break;
    }
    p += strlen(p) + 1;
  }
  return WASI_SUCCESS;
}

/* ---- paths ---- */

static Errno served_open(Call *c, Desc *d, const char *path, const OpenHow *how,
                         Desc *out)
{
  PlainPath n;
  FileStat st = {.type = FILETYPE_REGULAR};
  bool create = how->oflags & OFLAG_CREAT, alone = create && how->oflags & OFLAG_EXCL;
  TRY_ERRNO(name_of(d, path, &n));
  if (did(c, DIR_CREATE) || did(c, DIR_TRUNCATE)) {
    TRY_ERRNO(outcome(c));
  } else {
    Errno e = stat_path(c, d, n.path, &st);
    if (e == WASI_NOENT && create)
      return n.slash ? WASI_ISDIR : ask_dir(c, d, DIR_CREATE, n.path, NULL, 0);
    TRY_ERRNO(e);
    if (alone) return WASI_EXIST;
    bool dir = st.type == FILETYPE_DIRECTORY;
    if (!dir && (n.slash || how->oflags & OFLAG_DIRECTORY)) return WASI_NOTDIR;
    if (dir && (how->write || create || how->oflags & OFLAG_TRUNC)) return WASI_ISDIR;
    if (how->write && !(d->can & 1u << DIR_WRITE)) return cannot(d, DIR_WRITE);
    if (how->oflags & OFLAG_TRUNC && st.size > 0)
      return ask_dir(c, d, DIR_TRUNCATE, n.path, NULL, 0);
  }
  out->path = strdup(n.path);
  if (!out->path) return WASI_NOMEM;
  out->ops = st.type == FILETYPE_DIRECTORY ? &lw_ops_served : &lw_ops_served_file;
  out->type = st.type;
  out->served = d->served;
  out->can = d->can;
  return WASI_SUCCESS;
}

static Errno served_path_stat(Call *c, Desc *d, const char *path, bool follow,
                              FileStat *out)
{
  PlainPath n;
  (void)follow; /* there are no links */
  TRY_ERRNO(name_of(d, path, &n));
  TRY_ERRNO(stat_path(c, d, n.path, out));
  return n.slash && out->type != FILETYPE_DIRECTORY ? WASI_NOTDIR : WASI_SUCCESS;
}

static Errno served_path_set_times(Call *c, Desc *d, const char *path, bool follow,
                                   const struct timespec times[2])
{
  (void)c;
  (void)d;
  (void)path;
  (void)follow;
  (void)times;
  return WASI_NOTSUP;
}

static Errno served_make_dir(Call *c, Desc *d, const char *path)
{
  PlainPath n;
  FileStat st;
  TRY_ERRNO(name_of(d, path, &n));
  if (did(c, DIR_MKDIR)) return outcome(c);
  Errno e = stat_path(c, d, n.path, &st);
  if (e == WASI_NOENT) return ask_dir(c, d, DIR_MKDIR, n.path, NULL, 0);
  return e == WASI_SUCCESS ? WASI_EXIST : e;
}

/* Where its entries can be listed, one that has any stays. */
static Errno served_remove_dir(Call *c, Desc *d, const char *path)
{
  PlainPath n;
  FileStat st;
  TRY_ERRNO(name_to_change(d, path, &n));
  if (did(c, DIR_REMOVE)) return outcome(c);
  if (!did(c, DIR_LIST)) {
    TRY_ERRNO(stat_path(c, d, n.path, &st));
    if (st.type != FILETYPE_DIRECTORY) return WASI_NOTDIR;
    if (d->can & 1u << DIR_LIST) return ask_dir(c, d, DIR_LIST, n.path, NULL, 0);
  } else {
    TRY_ERRNO(outcome(c));
    if (ask_of(c)->size > 0) return WASI_NOTEMPTY;
  }
  return ask_dir(c, d, DIR_REMOVE, n.path, NULL, 0);
}

static Errno served_unlink(Call *c, Desc *d, const char *path)
{
  PlainPath n;
  FileStat st;
  TRY_ERRNO(name_of(d, path, &n));
  if (did(c, DIR_REMOVE)) return outcome(c);
  TRY_ERRNO(stat_path(c, d, n.path, &st));
  if (st.type == FILETYPE_DIRECTORY) return WASI_ISDIR;
  return n.slash ? WASI_NOTDIR : ask_dir(c, d, DIR_REMOVE, n.path, NULL, 0);
}

static bool lies_below(const char *path, const char *dir)
{
  size_t size = strlen(dir);
  return strncmp(path, dir, size) == 0 && path[size] == '/';
}

static Errno served_rename(Call *c, Desc *d, const char *path, Desc *to,
                           const char *to_path)
{
  PlainPath from, n;
  FileStat st;
  if (d->served != to->served) return WASI_XDEV;
  TRY_ERRNO(name_to_change(d, path, &from));
  TRY_ERRNO(name_to_change(to, to_path, &n));
  if (did(c, DIR_RENAME)) return outcome(c);
  TRY_ERRNO(stat_path(c, d, from.path, &st));
  bool dir = st.type == FILETYPE_DIRECTORY;
  if (!dir && (from.slash || n.slash)) return WASI_NOTDIR;
  if (lies_below(n.path, from.path)) return WASI_INVAL;
  if (strcmp(n.path, from.path) == 0) return WASI_SUCCESS;
  return ask_dir(c, d, DIR_RENAME, from.path, n.path, 0);
}

static Errno served_link(Call *c, Desc *d, const char *path, bool follow, Desc *to,
                         const char *to_path)
{
  (void)c;
  (void)d;
  (void)path;
  (void)follow;
  (void)to;
  (void)to_path;
  return WASI_NOTSUP;
}

static Errno served_symlink(Call *c, Desc *d, const char *target, const char *path)
{
  (void)c;
  (void)d;
  (void)target;
  (void)path;
  return WASI_NOTSUP;
}

/* What is there is no link. */
static Errno served_readlink(Call *c, Desc *d, const char *path, char *to, size_t *size)
{
  FileStat st;
  (void)to;
  (void)size;
  TRY_ERRNO(served_path_stat(c, d, path, false, &st));
  return WASI_INVAL;
}

uint32_t lw_wasi_errno(const char *name)
{
  return lw_errno_named(name);
}

const Ops lw_ops_served = {
  .close = served_close,
  .stat = served_stat,
  .sync = served_sync,
  .set_flags = served_set_flags,
  .list = served_list,
  .open = served_open,
  .path_stat = served_path_stat,
  .path_set_times = served_path_set_times,
  .make_dir = served_make_dir,
  .remove_dir = served_remove_dir,
  .unlink = served_unlink,
  .rename = served_rename,
  .link = served_link,
  .symlink = served_symlink,
  .readlink = served_readlink,
};

const Ops lw_ops_served_file = {
  .close = served_close,
  .stat = served_stat,
  .read = served_read,
  .write = served_write,
  .seek = served_seek,
  .set_size = served_set_size,
  .sync = served_sync,
  .set_flags = served_set_flags,
};
