/*
** fd.c -- the table of descriptors, and the calls that name one.
**
** What a descriptor may be used for are its rights; what it can do at all is its Ops. A
** right that a read-only directory took away gives ROFS, any other NOTCAPABLE.
** Layer: wasi.
*/
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "wasi/call.h"
#include "wasi/tree.h"

enum { TRANSFER_PIECE = 4 << 20 };
enum { EXIT_OF_PIPE = 128 + 13 }; /* as a shell says of SIGPIPE */

/* ---- the table ---- */

int64_t lw_fd_take(Wasi *w)
{
  uint32_t fd = w->lowest;
  while (fd < w->nfds && w->fds[fd].ops)
    fd++;
  w->lowest = fd;
  if (fd >= w->max_fds) return -1;
  if (fd == w->nfds) {
    uint32_t n = fd < 8 ? 8 : 2 * fd;
    Desc *fds = realloc(w->fds, n * sizeof *fds);
    if (!fds) return -1;
    memset(fds + w->nfds, 0, (n - w->nfds) * sizeof *fds);
    w->fds = fds;
    w->nfds = n;
  }
  return fd;
}

Desc *lw_fd_get(const Wasi *w, uint32_t fd)
{
  return fd < w->nfds && w->fds[fd].ops ? &w->fds[fd] : NULL;
}

void lw_desc_close(Wasi *w, Desc *d)
{
  assert(d->ops);
  if (d->ops->close) d->ops->close(w, d);
  free(d->preopen);
  *d = (Desc){.host = -1};
  if (d - w->fds < w->lowest) w->lowest = (uint32_t)(d - w->fds);
}

Errno lw_desc_may(const Desc *d, uint64_t rights)
{
  uint64_t missing = rights & ~d->base;
  if (!missing) return WASI_SUCCESS;
  return d->read_only && (missing & RIGHTS_CHANGE) ? WASI_ROFS : WASI_NOTCAPABLE;
}

/* The descriptor of the first argument, which must have these rights. */
static Errno desc_with(Call *c, uint64_t rights, Desc **out)
{
  *out = lw_fd_get(c->w, arg32(c, 0));
  return *out ? lw_desc_may(*out, rights) : WASI_BADF;
}

Errno lw_call_fd_close(Call *c)
{
  Desc *d;
  TRY_ERRNO(desc_with(c, 0, &d));
  lw_desc_close(c->w, d);
  return WASI_SUCCESS;
}

/* `to` is closed, and becomes what `from` was. */
Errno lw_call_fd_renumber(Call *c)
{
  Desc *from = lw_fd_get(c->w, arg32(c, 0)), *to = lw_fd_get(c->w, arg32(c, 1));
  if (!from || !to) return WASI_BADF;
  if (from == to) return WASI_SUCCESS;
  lw_desc_close(c->w, to);
  *to = *from;
  *from = (Desc){.host = -1};
  c->w->lowest = 0;
  return WASI_SUCCESS;
}

/* ---- what it is ---- */

Errno lw_call_fd_fdstat_get(Call *c)
{
  Desc *d;
  uint8_t *to = lw_guest(c, arg32(c, 1), 24);
  TRY_ERRNO(desc_with(c, 0, &d));
  if (!to) return WASI_FAULT;
  memset(to, 0, 24);
  put8(to, d->type);
  put16(to + 2, d->flags);
  put64(to + 8, d->base);
  put64(to + 16, d->inheriting);
  return WASI_SUCCESS;
}

Errno lw_call_fd_fdstat_set_flags(Call *c)
{
  Desc *d;
  unsigned flags = arg32(c, 1);
  TRY_ERRNO(desc_with(c, RIGHT_FD_FDSTAT_SET_FLAGS, &d));
  if (flags & ~(unsigned)FDFLAGS_ALL) return WASI_INVAL;
  return d->ops->set_flags ? d->ops->set_flags(c, d, flags) : WASI_NOTSUP;
}

/* They can only become fewer. */
Errno lw_call_fd_fdstat_set_rights(Call *c)
{
  Desc *d;
  uint64_t base = arg64(c, 1), inheriting = arg64(c, 2);
  TRY_ERRNO(desc_with(c, base, &d));
  if (inheriting & ~d->inheriting) return WASI_NOTCAPABLE;
  d->base = base;
  d->inheriting = inheriting;
  return WASI_SUCCESS;
}

static Errno put_filestat(Call *c, uint32_t at, const FileStat *st)
{
  uint8_t *to = lw_guest(c, at, c->unstable ? 56 : 64);
  if (!to) return WASI_FAULT;
  memset(to, 0, c->unstable ? 56 : 64);
  put64(to, st->dev);
  put64(to + 8, st->ino);
  put8(to + 16, st->type);
  if (c->unstable) {
    put32(to + 20, st->nlink > UINT32_MAX ? UINT32_MAX : (uint32_t)st->nlink);
    to += 24;
  } else {
    put64(to + 24, st->nlink);
    to += 32;
  }
  put64(to, st->size);
  put64(to + 8, st->atim);
  put64(to + 16, st->mtim);
  put64(to + 24, st->ctim);
  return WASI_SUCCESS;
}

Errno lw_call_fd_filestat_get(Call *c)
{
  Desc *d;
  FileStat st;
  TRY_ERRNO(desc_with(c, RIGHT_FD_FILESTAT_GET, &d));
  TRY_ERRNO(d->ops->stat(c, d, &st));
  return put_filestat(c, arg32(c, 1), &st);
}

Errno lw_call_fd_filestat_set_size(Call *c)
{
  Desc *d;
  TRY_ERRNO(desc_with(c, RIGHT_FD_FILESTAT_SET_SIZE, &d));
  if (arg64(c, 1) > INT64_MAX) return WASI_INVAL;
  return d->ops->set_size ? d->ops->set_size(c, d, arg64(c, 1)) : WASI_INVAL;
}

/* The four flags and two times of the standard, as utimensat has them. */
static Errno get_times(uint64_t atim, uint64_t mtim, unsigned flags,
                       struct timespec out[2])
{
  const unsigned both_a = TIMES_ATIM | TIMES_ATIM_NOW,
                 both_m = TIMES_MTIM | TIMES_MTIM_NOW;
  if (flags & ~(both_a | both_m)) return WASI_INVAL;
  if ((flags & both_a) == both_a || (flags & both_m) == both_m) return WASI_INVAL;
  out[0] = (struct timespec){(time_t)(atim / 1000000000), (long)(atim % 1000000000)};
  out[1] = (struct timespec){(time_t)(mtim / 1000000000), (long)(mtim % 1000000000)};
  if (!(flags & TIMES_ATIM))
    out[0].tv_nsec = flags & TIMES_ATIM_NOW ? UTIME_NOW : UTIME_OMIT;
  if (!(flags & TIMES_MTIM))
    out[1].tv_nsec = flags & TIMES_MTIM_NOW ? UTIME_NOW : UTIME_OMIT;
  return WASI_SUCCESS;
}

Errno lw_call_fd_filestat_set_times(Call *c)
{
  Desc *d;
  struct timespec times[2];
  TRY_ERRNO(desc_with(c, RIGHT_FD_FILESTAT_SET_TIMES, &d));
  TRY_ERRNO(get_times(arg64(c, 1), arg64(c, 2), arg32(c, 3), times));
  return d->ops->set_times ? d->ops->set_times(c, d, times) : WASI_NOTSUP;
}

/* ---- reading and writing ---- */

typedef Errno (*Transfer)(Call *, Desc *, const Iovecs *, const uint64_t *, uint64_t *);

/* What is ready at once, but may be gigabytes: in pieces, between which the call can end.
   Of other things one piece is read; more is for another call. */
static Errno transfer_long(Call *c, Transfer run, Desc *d, const Iovecs *io,
                           const uint64_t *at, uint64_t *n)
{
  Iovecs piece;
  bool whole = d->ops == &lw_ops_leaf || d->type == FILETYPE_REGULAR;
  for (*n = 0; *n < io->total;) {
    uint64_t most = io->total - *n < TRANSFER_PIECE ? io->total - *n : TRANSFER_PIECE;
    uint64_t from = at ? *at + *n : 0, done = 0;
    piece.n = (uint32_t)lw_iovecs_part(io, *n, most, piece.v);
    piece.total = most;
    Errno e = run(c, d, &piece, at ? &from : NULL, &done);
    if (e != WASI_SUCCESS) return *n > 0 ? WASI_SUCCESS : e;
    *n += done;
    if (!whole || done < most) break;
    if (lw_act_must_end(c->native->act)) break;
  }
  return WASI_SUCCESS;
}

static Errno transfer(Call *c, uint64_t right, const uint64_t *at, uint32_t result)
{
  Desc *d;
  Iovecs io;
  uint64_t n = 0;
  bool reading = right & RIGHT_FD_READ;
  d = lw_fd_get(c->w, arg32(c, 0));
  if (!d) return WASI_BADF;
  /* as the system has it: none can be opened for writing */
  if (d->type == FILETYPE_DIRECTORY) return reading ? WASI_ISDIR : WASI_BADF;
  TRY_ERRNO(lw_desc_may(d, right));
  TRY_ERRNO(lw_guest_iovecs(c, arg32(c, 1), arg32(c, 2), &io));
  if (!lw_guest(c, result, 4)) return WASI_FAULT;
  if (at && *at > INT64_MAX) return WASI_INVAL;
  Transfer run = reading ? d->ops->read : d->ops->write;
  if (!run) return WASI_BADF;
  bool ready = d->ops == &lw_ops_leaf ||
               (d->ops == &lw_ops_file && (reading || d->type == FILETYPE_REGULAR));
  bool of_process = d->shared;
  Errno e = io.total > TRANSFER_PIECE && ready ? transfer_long(c, run, d, &io, at, &n)
                                               : run(c, d, &io, at, &n);
  if (e == WASI_PIPE && of_process && c->w->pipe_ends && c->w->pipe_broken++ > 0) {
    c->native->exit_code = EXIT_OF_PIPE;
    return WASI_EXIT;
  }
  TRY_ERRNO(e);
  assert(n <= io.total);
  return lw_guest_put32(c, result, (uint32_t)n);
}

Errno lw_call_fd_read(Call *c)
{
  return transfer(c, RIGHT_FD_READ, NULL, arg32(c, 3));
}

Errno lw_call_fd_write(Call *c)
{
  return transfer(c, RIGHT_FD_WRITE, NULL, arg32(c, 3));
}

Errno lw_call_fd_pread(Call *c)
{
  uint64_t at = arg64(c, 3);
  return transfer(c, RIGHT_FD_READ | RIGHT_FD_SEEK, &at, arg32(c, 4));
}

Errno lw_call_fd_pwrite(Call *c)
{
  uint64_t at = arg64(c, 3);
  return transfer(c, RIGHT_FD_WRITE | RIGHT_FD_SEEK, &at, arg32(c, 4));
}

static Errno seek(Call *c, Desc *d, int64_t by, int whence, uint32_t result)
{
  uint64_t now;
  if (!lw_guest(c, result, 8)) return WASI_FAULT;
  if (d->type == FILETYPE_DIRECTORY) return WASI_BADF;
  if (!d->ops->seek) return WASI_SPIPE;
  TRY_ERRNO(d->ops->seek(c, d, by, whence, &now));
  return lw_guest_put64(c, result, now);
}

/* A stream cannot be sought, whatever its rights: programs ask that way. */
static Errno seekable(const Desc *d, uint64_t right)
{
  bool stream = d->type == FILETYPE_UNKNOWN || d->type == FILETYPE_STREAM ||
                d->type == FILETYPE_DGRAM;
  if (d->type == FILETYPE_CHARACTER)
    stream = !(d->base & (RIGHT_FD_SEEK | RIGHT_FD_TELL));
  return stream ? WASI_SPIPE : lw_desc_may(d, right);
}

Errno lw_call_fd_seek(Call *c)
{
  static const int whences[2][3] = {
    {SEEK_SET, SEEK_CUR, SEEK_END},
    {SEEK_CUR, SEEK_END, SEEK_SET}
  };
  Desc *d;
  int64_t by = (int64_t)arg64(c, 1);
  uint32_t whence = arg32(c, 2);
  TRY_ERRNO(desc_with(c, 0, &d));
  if (whence > 2) return WASI_INVAL;
  int where = whences[c->unstable][whence];
  /* to ask where one is takes the right to tell only */
  bool tells = by == 0 && where == SEEK_CUR && (d->base & RIGHT_FD_TELL);
  TRY_ERRNO(seekable(d, tells ? 0 : RIGHT_FD_SEEK));
  return seek(c, d, by, where, arg32(c, 3));
}

Errno lw_call_fd_tell(Call *c)
{
  Desc *d;
  TRY_ERRNO(desc_with(c, 0, &d));
  TRY_ERRNO(seekable(d, RIGHT_FD_TELL));
  return seek(c, d, 0, SEEK_CUR, arg32(c, 1));
}

static Errno synchronize(Call *c, uint64_t right, bool data_only)
{
  Desc *d;
  TRY_ERRNO(desc_with(c, right, &d));
  return d->ops->sync ? d->ops->sync(c, d, data_only) : WASI_INVAL;
}

Errno lw_call_fd_sync(Call *c)
{
  return synchronize(c, RIGHT_FD_SYNC, false);
}

Errno lw_call_fd_datasync(Call *c)
{
  return synchronize(c, RIGHT_FD_DATASYNC, true);
}

Errno lw_call_fd_advise(Call *c)
{
  Desc *d;
  uint64_t at = arg64(c, 1), size = arg64(c, 2);
  TRY_ERRNO(desc_with(c, RIGHT_FD_ADVISE, &d));
  if (arg32(c, 3) > 5 || at > INT64_MAX || size > INT64_MAX) return WASI_INVAL;
  return d->ops->advise ? d->ops->advise(c, d, at, size, arg32(c, 3)) : WASI_SUCCESS;
}

Errno lw_call_fd_allocate(Call *c)
{
  Desc *d;
  uint64_t at = arg64(c, 1), size = arg64(c, 2);
  TRY_ERRNO(desc_with(c, RIGHT_FD_ALLOCATE, &d));
  if (at > INT64_MAX || size > INT64_MAX || size == 0) return WASI_INVAL;
  if (size > INT64_MAX - at) return WASI_FBIG;
  return d->ops->allocate ? d->ops->allocate(c, d, at, size) : WASI_NOTSUP;
}

/* ---- directories ---- */

static Errno preopened(Call *c, const Desc **out)
{
  *out = lw_fd_get(c->w, arg32(c, 0));
  return *out && (*out)->preopen ? WASI_SUCCESS : WASI_BADF;
}

Errno lw_call_fd_prestat_get(Call *c)
{
  const Desc *d;
  uint8_t *to = lw_guest(c, arg32(c, 1), 8);
  TRY_ERRNO(preopened(c, &d));
  if (!to) return WASI_FAULT;
  put32(to, 0); /* a directory: there is nothing else */
  put32(to + 4, (uint32_t)strlen(d->preopen));
  return WASI_SUCCESS;
}

Errno lw_call_fd_prestat_dir_name(Call *c)
{
  const Desc *d;
  TRY_ERRNO(preopened(c, &d));
  size_t size = strlen(d->preopen);
  if (arg32(c, 2) < size) return WASI_NAMETOOLONG;
  uint8_t *to = lw_guest(c, arg32(c, 1), size);
  if (!to) return WASI_FAULT;
  memcpy(to, d->preopen, size);
  return WASI_SUCCESS;
}

bool lw_listing_add(Listing *l, uint64_t next, uint64_t ino, uint8_t type,
                    const char *name)
{
  uint8_t entry[24] = {0};
  size_t size = strlen(name);
  put64(entry, next);
  put64(entry + 8, ino);
  put32(entry + 16, (uint32_t)size);
  put8(entry + 20, type);
  uint32_t room = l->size - l->used; /* the last entry may be cut short */
  uint32_t n = room < sizeof entry ? room : sizeof entry;
  memcpy(l->to + l->used, entry, n);
  room -= n;
  if (size > room) size = room;
  memcpy(l->to + l->used + n, name, size);
  l->used += n + (uint32_t)size;
  return l->used < l->size;
}

Errno lw_call_fd_readdir(Call *c)
{
  Desc *d;
  Listing l = {.size = arg32(c, 2)};
  TRY_ERRNO(desc_with(c, 0, &d));
  if (!d->ops->list) return WASI_NOTDIR;
  TRY_ERRNO(lw_desc_may(d, RIGHT_FD_READDIR));
  l.to = lw_guest(c, arg32(c, 1), l.size);
  if (!l.to || !lw_guest(c, arg32(c, 4), 4)) return WASI_FAULT;
  TRY_ERRNO(d->ops->list(c, d, arg64(c, 3), &l));
  return lw_guest_put32(c, arg32(c, 4), l.used);
}

/* ---- paths: the directory, the name, the rights, then its Ops ---- */

typedef struct Place {
  Desc *d;
  char path[WASI_PATH_MAX + 1];
} Place;

/* Argument `fd`, and the string at the two arguments from `path`. */
static Errno place(Call *c, int fd, int path, uint64_t right, Place *out)
{
  out->d = lw_fd_get(c->w, arg32(c, fd));
  if (!out->d) return WASI_BADF;
  if (!out->d->ops->open) return WASI_NOTDIR;
  TRY_ERRNO(lw_guest_path(c, arg32(c, path), arg32(c, path + 1), out->path));
  return lw_desc_may(out->d, right);
}

Errno lw_call_path_create_directory(Call *c)
{
  Place p;
  TRY_ERRNO(place(c, 0, 1, RIGHT_PATH_CREATE_DIRECTORY, &p));
  return p.d->ops->make_dir(c, p.d, p.path);
}

Errno lw_call_path_remove_directory(Call *c)
{
  Place p;
  TRY_ERRNO(place(c, 0, 1, RIGHT_PATH_REMOVE_DIRECTORY, &p));
  return p.d->ops->remove_dir(c, p.d, p.path);
}

Errno lw_call_path_unlink_file(Call *c)
{
  Place p;
  TRY_ERRNO(place(c, 0, 1, RIGHT_PATH_UNLINK_FILE, &p));
  return p.d->ops->unlink(c, p.d, p.path);
}

Errno lw_call_path_filestat_get(Call *c)
{
  Place p;
  FileStat st;
  TRY_ERRNO(place(c, 0, 2, RIGHT_PATH_FILESTAT_GET, &p));
  TRY_ERRNO(p.d->ops->path_stat(c, p.d, p.path, arg32(c, 1) & LOOKUP_FOLLOW, &st));
  return put_filestat(c, arg32(c, 4), &st);
}

Errno lw_call_path_filestat_set_times(Call *c)
{
  Place p;
  struct timespec times[2];
  TRY_ERRNO(place(c, 0, 2, RIGHT_PATH_FILESTAT_SET_TIMES, &p));
  TRY_ERRNO(get_times(arg64(c, 4), arg64(c, 5), arg32(c, 6), times));
  return p.d->ops->path_set_times(c, p.d, p.path, arg32(c, 1) & LOOKUP_FOLLOW, times);
}

Errno lw_call_path_link(Call *c)
{
  Place from, to;
  TRY_ERRNO(place(c, 0, 2, RIGHT_PATH_LINK_SOURCE, &from));
  TRY_ERRNO(place(c, 4, 5, RIGHT_PATH_LINK_TARGET, &to));
  if (from.d->ops != to.d->ops) return WASI_XDEV;
  return from.d->ops->link(c, from.d, from.path, arg32(c, 1) & LOOKUP_FOLLOW, to.d,
                           to.path);
}

Errno lw_call_path_rename(Call *c)
{
  Place from, to;
  TRY_ERRNO(place(c, 0, 1, RIGHT_PATH_RENAME_SOURCE, &from));
  TRY_ERRNO(place(c, 3, 4, RIGHT_PATH_RENAME_TARGET, &to));
  if (from.d->ops != to.d->ops) return WASI_XDEV;
  return from.d->ops->rename(c, from.d, from.path, to.d, to.path);
}

Errno lw_call_path_symlink(Call *c)
{
  Place p;
  char target[WASI_PATH_MAX + 1];
  TRY_ERRNO(place(c, 2, 3, RIGHT_PATH_SYMLINK, &p));
  TRY_ERRNO(lw_guest_path(c, arg32(c, 0), arg32(c, 1), target));
  if (target[0] == '/') return WASI_NOTCAPABLE; /* it would lead the host astray */
  return p.d->ops->symlink(c, p.d, target, p.path);
}

Errno lw_call_path_readlink(Call *c)
{
  Place p;
  char target[WASI_PATH_MAX + 1];
  size_t size = WASI_PATH_MAX;
  TRY_ERRNO(place(c, 0, 1, RIGHT_PATH_READLINK, &p));
  TRY_ERRNO(p.d->ops->readlink(c, p.d, p.path, target, &size));
  if (size > arg32(c, 4)) size = arg32(c, 4); /* cut short, as the standard has it */
  uint8_t *to = lw_guest(c, arg32(c, 3), size);
  if (!to || !lw_guest(c, arg32(c, 5), 4)) return WASI_FAULT;
  memcpy(to, target, size);
  return lw_guest_put32(c, arg32(c, 5), (uint32_t)size);
}

/* ---- path_open ---- */

/* Which of the rights asked for can the file have, opened below this directory? Some
   languages ask for all there are; so below a read-only directory only those that say
   what the file is to be opened for must be had. */
static Errno rights_below(const Desc *d, uint64_t *base, uint64_t *inheriting)
{
  uint64_t missing = (*base | *inheriting) & ~d->inheriting;
  if (d->read_only && (missing & *base & RIGHTS_CHANGE_FILE)) return WASI_ROFS;
  if (d->read_only) missing &= ~RIGHTS_CHANGE;
  if (missing & RIGHTS_ALL) return WASI_NOTCAPABLE;
  *base &= d->inheriting;
  *inheriting &= d->inheriting;
  return WASI_SUCCESS;
}

/* Rights that mean nothing for a thing of this type. */
static void trim_rights(Desc *d)
{
  if (d->type == FILETYPE_DIRECTORY) {
    d->base &= RIGHTS_DIRECTORY;
    return;
  }
  d->base &= RIGHTS_FILE;
  d->inheriting = 0;
  if (d->type != FILETYPE_REGULAR) d->base &= ~RIGHT_FD_ALLOCATE;
  if (!lw_desc_seeks(d)) d->base &= ~(RIGHT_FD_SEEK | RIGHT_FD_TELL);
}

Errno lw_call_path_open(Call *c)
{
  Place p;
  OpenHow how = {
    .follow = arg32(c, 1) & LOOKUP_FOLLOW, .oflags = arg32(c, 4), .fdflags = arg32(c, 7)};
  Desc d = {.host = -1, .base = arg64(c, 5), .inheriting = arg64(c, 6)};
  uint64_t needed = RIGHT_PATH_OPEN;
  if (how.oflags & ~(unsigned)OFLAGS_ALL || how.fdflags & ~(unsigned)FDFLAGS_ALL)
    return WASI_INVAL;
  if (how.oflags & OFLAG_CREAT) needed |= RIGHT_PATH_CREATE_FILE;
  if (how.oflags & OFLAG_TRUNC) needed |= RIGHT_PATH_FILESTAT_SET_SIZE;
  if (how.oflags & OFLAG_DIRECTORY && how.oflags & (OFLAG_CREAT | OFLAG_TRUNC))
    return WASI_INVAL;
  TRY_ERRNO(place(c, 0, 2, needed, &p));
  TRY_ERRNO(rights_below(p.d, &d.base, &d.inheriting));
  if (!lw_guest(c, arg32(c, 8), 4)) return WASI_FAULT;
  how.read = d.base & (RIGHT_FD_READ | RIGHT_FD_READDIR);
  how.write = d.base & RIGHTS_CHANGE_FILE;
  d.read_only = p.d->read_only;
  d.flags = (uint16_t)how.fdflags;
  int64_t fd = lw_fd_take(c->w);
  if (fd < 0) return WASI_MFILE;
  Desc *dir = lw_fd_get(c->w, arg32(c, 0)); /* the table may have moved */
  TRY_ERRNO(dir->ops->open(c, dir, p.path, &how, &d));
  trim_rights(&d);
  c->w->fds[fd] = d;
  return lw_guest_put32(c, arg32(c, 8), (uint32_t)fd);
}
