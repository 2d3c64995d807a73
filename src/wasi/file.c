/*
** file.c -- files of the host, and what is done to descriptors of other kinds there.
**
** Regular files are always ready, so reading and writing them is one system call. All
** else (pipes, terminals, devices) is waited for first (poll.c). A pipe that is ready
** takes PIPE_BUF bytes without blocking, so that much is written at a time. A pipe
** without a reader is EPIPE to the guest; the signal that comes with it is blocked for
** the thread and taken away. So is the one of a file beyond the limit that the process
** has for files.
** Layer: wasi.
*/
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wasi/call.h"

static Errno status(int result)
{
  return result < 0 ? lw_errno_of(errno) : WASI_SUCCESS;
}

uint8_t lw_type_of_mode(mode_t mode)
{
  if (S_ISREG(mode)) return FILETYPE_REGULAR;
  if (S_ISDIR(mode)) return FILETYPE_DIRECTORY;
  if (S_ISLNK(mode)) return FILETYPE_SYMLINK;
  if (S_ISCHR(mode)) return FILETYPE_CHARACTER;
  if (S_ISBLK(mode)) return FILETYPE_BLOCK;
  return S_ISSOCK(mode) ? FILETYPE_STREAM : FILETYPE_UNKNOWN;
}

bool lw_desc_seeks(const Desc *d)
{
  return d->type == FILETYPE_REGULAR ||
         (d->type == FILETYPE_CHARACTER && !isatty(d->host));
}

void lw_stat_of(const struct stat *st, FileStat *out)
{
  *out = (FileStat){
    .dev = st->st_dev,
    .ino = st->st_ino,
    .nlink = st->st_nlink,
    .size = (uint64_t)st->st_size,
    .atim = lw_ns_of(st->st_atim),
    .mtim = lw_ns_of(st->st_mtim),
    .ctim = lw_ns_of(st->st_ctim),
    .type = lw_type_of_mode(st->st_mode),
  };
}

/* ---- what is not always ready ---- */

int lw_iovecs_part(const Iovecs *io, uint64_t from, uint64_t most,
                   struct iovec out[IOVECS_MAX])
{
  int n = 0;
  for (uint32_t k = 0; k < io->n && most > 0; k++) {
    struct iovec v = io->v[k];
    if (from >= v.iov_len) {
      from -= v.iov_len;
      continue;
    }
    v.iov_base = (char *)v.iov_base + from;
    v.iov_len -= from;
    from = 0;
    if (v.iov_len > most) v.iov_len = most;
    most -= v.iov_len;
    out[n++] = v;
  }
  return n;
}

static ssize_t send_some(int host, struct iovec *v, int n)
{
  struct msghdr message = {.msg_iov = v, .msg_iovlen = (size_t)n};
  return sendmsg(host, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Signals that come with an error: of a pipe without reader, of a file beyond the
   process's limit. They go to the thread that made the call, so it blocks them for as
   long, and takes away what has come. */
typedef struct Quiet {
  sigset_t ours, before, waiting;
} Quiet;

static void quiet_begin(Quiet *q)
{
  sigemptyset(&q->ours);
  sigaddset(&q->ours, SIGPIPE);
  sigaddset(&q->ours, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &q->ours, &q->before);
  sigpending(&q->waiting);
}

static void quiet_end(Quiet *q, bool failed)
{
  const struct timespec now = {0, 0};
  int kept = errno, signal = kept == EPIPE ? SIGPIPE : SIGXFSZ;
  if (failed && (kept == EPIPE || kept == EFBIG) && !sigismember(&q->waiting, signal)) {
    sigemptyset(&q->ours);
    sigaddset(&q->ours, signal);
    while (sigtimedwait(&q->ours, NULL, &now) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &q->before, NULL);
  errno = kept;
}

static ssize_t write_some(int host, struct iovec *v, int n)
{
  Quiet q;
  quiet_begin(&q);
  ssize_t done = writev(host, v, n);
  quiet_end(&q, done < 0);
  return done;
}

static Errno wait_or_not(Call *c, int host, short events, bool nonblock)
{
  struct pollfd p = {.fd = host, .events = events};
  if (!nonblock) return lw_wait_ready(c, host, events);
  return poll(&p, 1, 0) == 0 ? WASI_AGAIN : WASI_SUCCESS;
}

Errno lw_host_write(Call *c, int host, const Iovecs *io, bool nonblock, uint64_t *n)
{
  struct iovec some[IOVECS_MAX];
  struct stat st;
  uint64_t *done = &ask_of(c)->done;
  *n = 0;
  TRY_ERRNO(status(fstat(host, &st)));
  bool regular = S_ISREG(st.st_mode), socket = S_ISSOCK(st.st_mode);
  Errno e = WASI_SUCCESS;
  while (*done < io->total) {
    if (!regular) e = wait_or_not(c, host, POLLOUT, nonblock);
    if (e == WASI_ASK) return e;
    if (e != WASI_SUCCESS) break;
    int count = lw_iovecs_part(io, *done, regular || socket ? io->total : PIPE_BUF, some);
    ssize_t now = socket ? send_some(host, some, count) : write_some(host, some, count);
    if (now < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (lw_act_wants_end(c->native->act)) return lw_wasi_end(c);
      continue;
    }
    if (now < 0) e = lw_errno_of(errno);
    if (now <= 0) break;
    *done += (uint64_t)now;
  }
  *n = *done < io->total ? *done : io->total; /* which may have changed meanwhile */
  return *n > 0 ? WASI_SUCCESS : e;
}

Errno lw_host_read(Call *c, int host, const Iovecs *io, bool nonblock, uint64_t *n)
{
  /* A fifo that never had a writer is at its end, but not ready: ask it first. */
  bool ask_first = fcntl(host, F_GETFL) & O_NONBLOCK;
  for (;; ask_first = false) {
    if (!ask_first) TRY_ERRNO(wait_or_not(c, host, POLLIN, nonblock));
    ssize_t done = readv(host, io->v, (int)io->n);
    if (done >= 0) {
      *n = (uint64_t)done;
      return WASI_SUCCESS;
    }
    if (errno != EAGAIN && errno != EINTR) return lw_errno_of(errno);
    if (lw_act_wants_end(c->native->act)) return lw_wasi_end(c);
  }
}

/* ---- the operations ---- */

static void file_close(Wasi *w, Desc *d)
{
  (void)w;
  close(d->host);
}

static Errno file_stat(Call *c, Desc *d, FileStat *out)
{
  struct stat st;
  (void)c;
  TRY_ERRNO(status(fstat(d->host, &st)));
  lw_stat_of(&st, out);
  return WASI_SUCCESS;
}

/* A regular file's transfer; `done` is what the system said. */
static bool interrupted(const Call *c, ssize_t done)
{
  return done < 0 && errno == EINTR && !lw_act_wants_end(c->native->act);
}

static Errno file_read(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                       uint64_t *n)
{
  ssize_t done;
  if (io->n == 0) return WASI_SUCCESS;
  if (!at && d->type != FILETYPE_REGULAR)
    return lw_host_read(c, d->host, io, d->flags & FDFLAG_NONBLOCK, n);
  do {
    const struct iovec *v = io->v;
    done = at           ? preadv(d->host, v, (int)io->n, (off_t)*at)
           : io->n == 1 ? read(d->host, v->iov_base, v->iov_len)
                        : readv(d->host, v, (int)io->n);
  } while (interrupted(c, done));
  if (done < 0) return lw_errno_of(errno);
  *n = (uint64_t)done;
  return WASI_SUCCESS;
}

/* At an offset, whatever the flag to append says: the system would append. */
static ssize_t write_at(const Desc *d, const Iovecs *io, off_t at)
{
  int flags = d->flags & FDFLAG_APPEND ? fcntl(d->host, F_GETFL) : 0;
  bool appends = flags > 0 && flags & O_APPEND;
  if (appends && fcntl(d->host, F_SETFL, flags & ~O_APPEND) != 0) return -1;
  ssize_t done = pwritev(d->host, io->v, (int)io->n, at);
  int kept = errno;
  if (appends && fcntl(d->host, F_SETFL, flags) != 0) return -1;
  errno = kept;
  return done;
}

static Errno file_write(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                        uint64_t *n)
{
  ssize_t done;
  if (io->n == 0) return WASI_SUCCESS;
  if (d->type != FILETYPE_REGULAR) {
    if (at) return WASI_SPIPE;
    return lw_host_write(c, d->host, io, d->flags & FDFLAG_NONBLOCK, n);
  }
  bool limited = c->w->limited;
  Quiet q;
  if (limited) quiet_begin(&q);
  do {
    const struct iovec *v = io->v;
    done = at           ? write_at(d, io, (off_t)*at)
           : io->n == 1 ? write(d->host, v->iov_base, v->iov_len)
                        : writev(d->host, v, (int)io->n);
  } while (interrupted(c, done));
  if (limited) quiet_end(&q, done < 0);
  if (done < 0) return lw_errno_of(errno);
  *n = (uint64_t)done;
  return WASI_SUCCESS;
}

static Errno file_seek(Call *c, Desc *d, int64_t by, int whence, uint64_t *now)
{
  (void)c;
  off_t at = lseek(d->host, by, whence);
  if (at < 0) return lw_errno_of(errno);
  *now = (uint64_t)at;
  return WASI_SUCCESS;
}

static Errno file_set_size(Call *c, Desc *d, uint64_t size)
{
  Quiet q;
  (void)c;
  quiet_begin(&q);
  int result = ftruncate(d->host, (off_t)size);
  quiet_end(&q, result != 0);
  return status(result);
}

/* Not posix_fallocate: where the file system cannot do it, that writes into every block,
   which for a guest's number may take days and ends for nobody. */
static Errno file_allocate(Call *c, Desc *d, uint64_t at, uint64_t size)
{
  Quiet q;
  int result;
  quiet_begin(&q);
  do
    result = fallocate(d->host, 0, (off_t)at, (off_t)size);
  while (interrupted(c, result));
  quiet_end(&q, result != 0);
  return status(result);
}

static Errno file_set_times(Call *c, Desc *d, const struct timespec times[2])
{
  (void)c;
  return status(futimens(d->host, times));
}

static Errno file_sync(Call *c, Desc *d, bool data_only)
{
  (void)c;
  return status(data_only ? fdatasync(d->host) : fsync(d->host));
}

/* The system's descriptor stays non-blocking; whether the guest waits is ours to see to.
   How writes are synchronized is settled when a file is opened. */
static Errno file_set_flags(Call *c, Desc *d, unsigned flags)
{
  (void)c;
  unsigned change = flags ^ d->flags;
  if (change & ~(unsigned)(FDFLAG_NONBLOCK | (d->shared ? 0 : FDFLAG_APPEND)))
    return WASI_NOTSUP;
  if (change & FDFLAG_APPEND) {
    int now = fcntl(d->host, F_GETFL);
    if (now < 0) return lw_errno_of(errno);
    now = flags & FDFLAG_APPEND ? now | O_APPEND : now & ~O_APPEND;
    TRY_ERRNO(status(fcntl(d->host, F_SETFL, now)));
  }
  d->flags = (uint16_t)flags;
  return WASI_SUCCESS;
}

static Errno file_advise(Call *c, Desc *d, uint64_t at, uint64_t size, unsigned advice)
{
  static const int host[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL,
                             POSIX_FADV_RANDOM,   POSIX_FADV_WILLNEED,
                             POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};
  (void)c;
  return lw_errno_of(posix_fadvise(d->host, (off_t)at, (off_t)size, host[advice]));
}

const Ops lw_ops_file = {
  .close = file_close,
  .stat = file_stat,
  .read = file_read,
  .write = file_write,
  .seek = file_seek,
  .set_size = file_set_size,
  .allocate = file_allocate,
  .set_times = file_set_times,
  .sync = file_sync,
  .set_flags = file_set_flags,
  .advise = file_advise,
};
