/*
** sock.c -- sockets that listen, as the host has opened them, and what they accept.
**
** A guest can neither open a socket nor connect one. All of them are non-blocking;
** whether the guest waits is kept in Desc.flags, as for files.
** Layer: wasi.
*/
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wasi/call.h"

enum { PEEK = 1, WAITALL = 2 };                 /* riflags */
enum { SHUTDOWN_READ = 1, SHUTDOWN_WRITE = 2 }; /* sdflags */

#define RIGHTS_LISTENER                                                                  \
  (RIGHT_SOCK_ACCEPT | RIGHT_POLL_FD_READWRITE | RIGHT_FD_READ |                         \
   RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_FILESTAT_GET)
#define RIGHTS_CONNECTION                                                                \
  (RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_POLL_FD_READWRITE | RIGHT_SOCK_SHUTDOWN |      \
   RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_FILESTAT_GET)

/* ---- making one ---- */

/* "127.0.0.1:80" or "[::1]:80": its two parts. */
static bool parts_of(const char *text, char host[64], const char **port)
{
  const char *colon = strrchr(text, ':');
  size_t size = colon ? (size_t)(colon - text) : 0;
  bool brackets = size > 2 && text[0] == '[' && text[size - 1] == ']';
  if (brackets) {
    text++;
    size -= 2;
  }
  if (size == 0 || size >= 64 || !brackets != !memchr(text, ':', size)) return false;
  memcpy(host, text, size);
  host[size] = '\0';
  *port = colon + 1;
  size = strspn(*port, "0123456789");
  return size > 0 && size <= 5 && !(*port)[size] && strtol(*port, NULL, 10) <= 65535;
}

static int listen_at(const struct addrinfo *at)
{
  const int yes = 1;
  int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
      bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 128) == 0)
    return fd;
  int kept = errno;
  close(fd);
  errno = kept;
  return -1;
}

Status lw_wasi_add_listener(Wasi *w, const char *text, Err *err)
{
  char host[64];
  const char *port;
  struct addrinfo *at = NULL;
  const struct addrinfo how = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                               .ai_socktype = SOCK_STREAM};
  if (!parts_of(text, host, &port) || getaddrinfo(host, port, &how, &at) != 0)
    return lw_fail(err, LW_IO, ERR_NOWHERE, "'%s' is no address with a port", text);
  int fd = listen_at(at);
  freeaddrinfo(at);
  if (fd < 0) return lw_fail(err, LW_IO, ERR_NOWHERE, "'%s': %s", text, strerror(errno));
  int64_t slot = lw_fd_take(w);
  if (slot < 0) {
    close(fd);
    return lw_nomem(err, "a socket");
  }
  w->fds[slot] = (Desc){.ops = &lw_ops_socket,
                        .type = FILETYPE_STREAM,
                        .host = fd,
                        .base = RIGHTS_LISTENER,
                        .inheriting = RIGHTS_CONNECTION};
  return LW_OK;
}

bool lw_wasi_address(const Wasi *w, uint32_t fd, char *to, size_t size)
{
  struct sockaddr_storage at = {0};
  socklen_t length = sizeof at;
  char host[64], port[16];
  const Desc *d = lw_fd_get(w, fd);
  if (!d || d->ops != &lw_ops_socket || !(d->base & RIGHT_SOCK_ACCEPT)) return false;
  struct sockaddr *sa = (struct sockaddr *)(void *)&at;
  if (getsockname(d->host, sa, &length) != 0 ||
      getnameinfo(sa, length, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return false;
  snprintf(to, size, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
  return true;
}

/* ---- as a descriptor ---- */

static void socket_close(Wasi *w, Desc *d)
{
  (void)w;
  close(d->host);
}

static Errno socket_stat(Call *c, Desc *d, FileStat *out)
{
  (void)c;
  *out = (FileStat){.type = d->type, .nlink = 1};
  return WASI_SUCCESS;
}

static Errno socket_read(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                         uint64_t *n)
{
  if (at) return WASI_SPIPE;
  return lw_host_read(c, d->host, io, d->flags & FDFLAG_NONBLOCK, n);
}

static Errno socket_write(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                          uint64_t *n)
{
  if (at) return WASI_SPIPE;
  return lw_host_write(c, d->host, io, d->flags & FDFLAG_NONBLOCK, n);
}

static Errno socket_set_flags(Call *c, Desc *d, unsigned flags)
{
  (void)c;
  if (flags & ~(unsigned)FDFLAG_NONBLOCK) return WASI_NOTSUP;
  d->flags = (uint16_t)flags;
  return WASI_SUCCESS;
}

const Ops lw_ops_socket = {
  .close = socket_close,
  .stat = socket_stat,
  .read = socket_read,
  .write = socket_write,
  .set_flags = socket_set_flags,
};

/* ---- the calls ---- */

/* The socket of the first argument, which must have these rights. */
static Errno socket_with(Call *c, uint64_t rights, Desc **out)
{
  *out = lw_fd_get(c->w, arg32(c, 0));
  if (!*out) return WASI_BADF;
  if ((*out)->ops != &lw_ops_socket) return WASI_NOTSOCK;
  return lw_desc_may(*out, rights);
}

/* A connection, or WASI_AGAIN: there is none, and the guest does not wait. */
static Errno accept_one(Call *c, const Desc *d, int *out)
{
  for (;;) {
    *out = accept4(d->host, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (*out >= 0) return WASI_SUCCESS;
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      return lw_errno_of(errno);
    if (d->flags & FDFLAG_NONBLOCK) return WASI_AGAIN;
    TRY_ERRNO(lw_wait_ready(c, d->host, POLLIN));
  }
}

Errno lw_call_sock_accept(Call *c)
{
  Desc *d;
  int host;
  unsigned flags = arg32(c, 1);
  TRY_ERRNO(socket_with(c, RIGHT_SOCK_ACCEPT, &d));
  if (flags & ~(unsigned)FDFLAG_NONBLOCK) return WASI_INVAL;
  if (!lw_guest(c, arg32(c, 2), 4)) return WASI_FAULT;
  int64_t fd = lw_fd_take(c->w);
  if (fd < 0) return WASI_MFILE;
  d = lw_fd_get(c->w, arg32(c, 0)); /* the table may have moved */
  TRY_ERRNO(accept_one(c, d, &host));
  c->w->fds[fd] = (Desc){.ops = &lw_ops_socket,
                         .type = FILETYPE_STREAM,
                         .host = host,
                         .flags = (uint16_t)flags,
                         .base = d->inheriting};
  return lw_guest_put32(c, arg32(c, 2), (uint32_t)fd);
}

/* What is there, or (WAITALL) as much as there is room for. */
static Errno receive(Call *c, const Desc *d, const Iovecs *io, unsigned flags,
                     uint64_t *n)
{
  struct iovec some[IOVECS_MAX];
  bool all = flags & WAITALL && !(flags & PEEK), hasty = d->flags & FDFLAG_NONBLOCK;
  uint64_t *had = &ask_of(c)->done;
  for (;;) {
    struct msghdr message = {.msg_iov = some};
    if (*had > io->total) *had = io->total; /* the guest's room has changed meanwhile */
    message.msg_iovlen = (size_t)lw_iovecs_part(io, *had, io->total, some);
    ssize_t done =
      recvmsg(d->host, &message, MSG_DONTWAIT | (flags & PEEK ? MSG_PEEK : 0));
    if (done >= 0) *n = *had += (uint64_t)done;
    if (done == 0 || *had == io->total || (done > 0 && !all)) return WASI_SUCCESS;
    if (done < 0 && errno != EAGAIN && errno != EINTR)
      return *had > 0 ? WASI_SUCCESS : lw_errno_of(errno);
    if (done < 0 && hasty) return *had > 0 ? WASI_SUCCESS : WASI_AGAIN;
    TRY_ERRNO(lw_wait_ready(c, d->host, POLLIN));
  }
}

Errno lw_call_sock_recv(Call *c)
{
  Desc *d;
  Iovecs io;
  uint64_t n = ask_of(c)->done;
  unsigned flags = arg32(c, 3);
  TRY_ERRNO(socket_with(c, RIGHT_FD_READ, &d));
  if (flags & ~(unsigned)(PEEK | WAITALL)) return WASI_INVAL;
  TRY_ERRNO(lw_guest_iovecs(c, arg32(c, 1), arg32(c, 2), &io));
  uint8_t *out = lw_guest(c, arg32(c, 5), 2);
  if (!out || !lw_guest(c, arg32(c, 4), 4)) return WASI_FAULT;
  if (io.n > 0) TRY_ERRNO(receive(c, d, &io, flags, &n));
  put16(out, 0); /* a stream has no messages that could be cut short */
  return lw_guest_put32(c, arg32(c, 4), (uint32_t)n);
}

Errno lw_call_sock_send(Call *c)
{
  Desc *d;
  Iovecs io;
  uint64_t n = 0;
  TRY_ERRNO(socket_with(c, RIGHT_FD_WRITE, &d));
  if (arg32(c, 3) != 0) return WASI_INVAL;
  TRY_ERRNO(lw_guest_iovecs(c, arg32(c, 1), arg32(c, 2), &io));
  if (!lw_guest(c, arg32(c, 4), 4)) return WASI_FAULT;
  TRY_ERRNO(socket_write(c, d, &io, NULL, &n));
  return lw_guest_put32(c, arg32(c, 4), (uint32_t)n);
}

Errno lw_call_sock_shutdown(Call *c)
{
  static const int hows[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
  Desc *d;
  uint32_t how = arg32(c, 1);
  TRY_ERRNO(socket_with(c, RIGHT_SOCK_SHUTDOWN, &d));
  if (how == 0 || how > (SHUTDOWN_READ | SHUTDOWN_WRITE)) return WASI_INVAL;
  return shutdown(d->host, hows[how - 1]) == 0 ? WASI_SUCCESS : lw_errno_of(errno);
}
