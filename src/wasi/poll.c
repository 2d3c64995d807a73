/*
** poll.c -- waiting: poll_oneoff, and until a descriptor is ready.
**
** Every wait is a ppoll that has one descriptor more than the guest asked for: an event
** that an interrupt, a timeout or a close signals (rt/interrupt.c). It lives as long as
** the wait. Where the system has no more descriptors to give, the wait is cut in slices
** and we look between them. A signal ends a ppoll too: then the binding is asked, since a
** host may want to act on it (Lua's Ctrl-C is a hook), and the wait goes on. A host that
** schedules is asked to wait in our place (ASK_BLOCK): the call is made again afterwards,
** looks, and asks once more if there is nothing yet.
** Layer: wasi.
*/
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/os.h"
#include "rt/budget.h"
#include "wasi/call.h"
#include "wasi/tree.h"

enum { SLICE_NS = 10000000, SUBSCRIPTIONS_MAX = 65536 };
enum { TAG_CLOCK, TAG_READ, TAG_WRITE };
enum { CLOCK_ABSOLUTE = 1 };

/* Until one of the `n` is ready, `ns` have passed, the call is to end, a signal has come
   (-1, EINTR), or for no reason; as ppoll. `fds` has room for one more. */
static int wait_for(const Call *c, struct pollfd *fds, nfds_t n, uint64_t ns)
{
  const Activation *a = c->native->act;
  int event = lw_store_event_begin(a->store), ready = 0;
  if (event < 0 && ns > SLICE_NS) ns = SLICE_NS;
  struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
  fds[n] = (struct pollfd){.fd = event, .events = POLLIN};
  if (!lw_act_wants_end(a)) ready = ppoll(fds, n + 1, ns == UINT64_MAX ? NULL : &t, NULL);
  int kept = errno;
  lw_store_event_end(a->store);
  errno = kept;
  return ready > 0 && fds[n].revents ? ready - 1 : ready;
}

/* Is somebody else to wait, where this is the first look or nothing has come of it? */
static bool asks(const Call *c)
{
  return c->w->asks_block && !(answered(c, ASK_BLOCK) && ask_of(c)->how == ANSWER_WAIT);
}

/* `until`: by lw_os_now_ns if `real`, else ns from now. */
static Errno ask_block(Call *c, const struct pollfd *fds, nfds_t n, uint64_t until,
                       bool real)
{
  WasiWait *list = calloc(n ? n : 1, sizeof *list);
  if (!list) return WASI_NOMEM;
  for (nfds_t k = 0; k < n; k++)
    list[k] = (WasiWait){fds[k].fd, fds[k].events == POLLOUT};
  Errno e = ask(c, ASK_BLOCK, real, until);
  ask_of(c)->owned = list;
  ask_of(c)->size = n;
  return e;
}

Errno lw_wasi_end(Call *c)
{
  return lw_act_late(c->native->act) ? ask(c, ASK_LATE, 0, 0) : WASI_INTR;
}

/* A wait has failed. */
static Errno failed(Call *c)
{
  if (errno != EINTR) return lw_errno_of(errno);
  return lw_act_wants_end(c->native->act) ? lw_wasi_end(c) : ask(c, ASK_SIGNAL, 0, 0);
}

Errno lw_wait_ready(Call *c, int host, short events)
{
  const Activation *a = c->native->act;
  struct pollfd p[2] = {
    {.fd = host, .events = events}
  };
  int ready = poll(p, 1, 0);
  while (ready == 0 && !lw_act_wants_end(a)) {
    if (asks(c)) return ask_block(c, p, 1, UINT64_MAX, true);
    ready = wait_for(c, p, 1, UINT64_MAX);
  }
  if (ready > 0) return WASI_SUCCESS;
  return ready == 0 ? lw_wasi_end(c) : failed(c);
}

/* ---- subscriptions ---- */

typedef struct Subscription {
  uint64_t userdata;
  uint8_t tag;
  bool due;       /* its event is there */
  Errno error;    /* of the event */
  uint16_t flags; /* likewise */
  uint64_t bytes; /* likewise */
  uint64_t wait;  /* clocks: ns from when the call began */
  int poll;       /* its index there, or -1 */
} Subscription;

typedef struct Poll {
  Subscription *subs;
  struct pollfd *fds;
  uint32_t n, nfds, ndue;
  uint64_t soonest; /* of the waits; UINT64_MAX: none */
  uint64_t passed;  /* ns since the call began, if it has asked meanwhile */
} Poll;

static void due(Poll *p, Subscription *s, Errno error)
{
  assert(!s->due);
  s->due = true;
  s->error = error;
  p->ndue++;
}

/* Where the fields of a subscription to a clock are. */
typedef struct ClockAt {
  uint32_t id, timeout, flags, size;
} ClockAt;
static ClockAt clock_at(const Call *c)
{
  return c->unstable ? (ClockAt){24, 32, 48, 56} : (ClockAt){16, 24, 40, 48};
}

static bool is_absolute(const ClockAt *f, const uint8_t *from)
{
  return from[8] == TAG_CLOCK && get16(from + f->flags) & CLOCK_ABSOLUTE;
}

static Errno add_clock(Call *c, Poll *p, Subscription *s, const uint8_t *from)
{
  ClockAt f = clock_at(c);
  uint32_t id = get32(from + f.id);
  uint64_t timeout = get64(from + f.timeout), now = 0;
  if (id != CLOCK_REAL && id != CLOCK_MONO) {
    due(p, s, id < CLOCKS ? WASI_NOTSUP : WASI_INVAL);
    return WASI_SUCCESS;
  }
  if (is_absolute(&f, from)) TRY_ERRNO(lw_clock_now(c, id, &now));
  s->wait = timeout > now ? timeout - now : 0;
  if (is_absolute(&f, from))
    s->wait = s->wait < UINT64_MAX - p->passed ? s->wait + p->passed : UINT64_MAX;
  if (s->wait < p->soonest) p->soonest = s->wait;
  return WASI_SUCCESS;
}

static void add_fd(Call *c, Poll *p, Subscription *s, const uint8_t *from)
{
  const Desc *d = lw_fd_get(c->w, get32(from + 16));
  uint64_t right = s->tag == TAG_READ ? RIGHT_FD_READ : RIGHT_FD_WRITE;
  if (!d) {
    due(p, s, WASI_BADF);
  } else if (!(d->base & RIGHT_POLL_FD_READWRITE) || !(d->base & right)) {
    due(p, s, WASI_NOTCAPABLE);
  } else if (d->host < 0 || d->type == FILETYPE_REGULAR ||
             d->type == FILETYPE_DIRECTORY) {
    FileStat st;
    uint64_t at = 0;
    if (d->ops->seek && s->tag == TAG_READ && !d->path) {
      Desc copy = *d; /* to tell changes nothing */
      if (copy.ops->stat(c, &copy, &st) == WASI_SUCCESS &&
          copy.ops->seek(c, &copy, 0, SEEK_CUR, &at) == WASI_SUCCESS && st.size > at)
        s->bytes = st.size - at;
    }
    due(p, s, WASI_SUCCESS);
  } else {
    s->poll = (int)p->nfds;
    p->fds[p->nfds++] =
      (struct pollfd){.fd = d->host, .events = s->tag == TAG_READ ? POLLIN : POLLOUT};
  }
}

static Errno read_subscriptions(Call *c, Poll *p, const uint8_t *from)
{
  uint32_t size = clock_at(c).size;
  for (uint32_t k = 0; k < p->n; k++, from += size) {
    Subscription *s = &p->subs[k];
    *s = (Subscription){.userdata = get64(from), .tag = from[8], .poll = -1};
    if (s->tag > TAG_WRITE) return WASI_INVAL;
    if (s->tag == TAG_CLOCK)
      TRY_ERRNO(add_clock(c, p, s, from));
    else
      add_fd(c, p, s, from);
  }
  return WASI_SUCCESS;
}

/* ---- waiting ---- */

static void take_ready(Poll *p)
{
  for (uint32_t k = 0; k < p->n; k++) {
    Subscription *s = &p->subs[k];
    int bytes = 0;
    if (s->due || s->poll < 0) continue;
    const struct pollfd *f = &p->fds[s->poll];
    if (!f->revents) continue;
    if (s->tag == TAG_READ && ioctl(f->fd, FIONREAD, &bytes) == 0 && bytes > 0)
      s->bytes = (uint64_t)bytes;
    s->flags = f->revents & (POLLHUP | POLLERR) ? 1 : 0;
    due(p, s, f->revents & POLLNVAL ? WASI_BADF : WASI_SUCCESS);
  }
}

/* The clocks that have gone so far. */
static void take_clocks(Poll *p, uint64_t passed)
{
  for (uint32_t k = 0; k < p->n; k++) {
    Subscription *s = &p->subs[k];
    if (!s->due && s->tag == TAG_CLOCK && s->wait <= passed) due(p, s, WASI_SUCCESS);
  }
}

/* The descriptors that are ready now. */
static void look_around(Poll *p)
{
  if (p->nfds > 0 && poll(p->fds, p->nfds, 0) > 0) take_ready(p);
}

static Errno wait_real(Call *c, Poll *p)
{
  const Activation *a = c->native->act;
  uint64_t *began = &ask_of(c)->began;
  if (!*began) *began = lw_os_now_ns();
  look_around(p);
  for (;;) {
    uint64_t passed = lw_os_now_ns() - *began;
    take_clocks(p, passed);
    if (p->ndue > 0) return WASI_SUCCESS;
    if (lw_act_wants_end(a)) return lw_wasi_end(c);
    uint64_t left = p->soonest == UINT64_MAX ? UINT64_MAX : p->soonest - passed;
    uint64_t until = p->soonest < UINT64_MAX - *began ? *began + p->soonest : UINT64_MAX;
    if (asks(c)) return ask_block(c, p->fds, p->nfds, until, true);
    int ready = wait_for(c, p->fds, p->nfds, left);
    if (ready < 0) return failed(c);
    if (ready > 0) take_ready(p);
  }
}

/* Nobody sleeps by the fake clock: it goes on to when the first wait ends, unless a
   descriptor is ready now. Without such a wait it is as with the real one. */
static Errno wait_fake(Call *c, Poll *p)
{
  look_around(p);
  if (p->ndue > 0) return WASI_SUCCESS;
  if (p->soonest == UINT64_MAX) return wait_real(c, p);
  if (asks(c) && !answered(c, ASK_BLOCK))
    return ask_block(c, p->fds, p->nfds, p->soonest, false);
  c->w->ticks += p->soonest;
  take_clocks(p, p->soonest);
  return WASI_SUCCESS;
}

static Errno put_events(Call *c, const Poll *p)
{
  uint8_t *to = lw_guest(c, arg32(c, 1), (uint64_t)p->n * 32);
  if (!to) return WASI_FAULT;
  for (uint32_t k = 0; k < p->n; k++) {
    const Subscription *s = &p->subs[k];
    if (!s->due) continue;
    memset(to, 0, 32);
    put64(to, s->userdata);
    put16(to + 8, (uint16_t)s->error);
    put8(to + 10, s->tag);
    put64(to + 16, s->bytes);
    put16(to + 24, s->flags);
    to += 32;
  }
  return lw_guest_put32(c, arg32(c, 3), p->ndue);
}

static Errno poll_all(Call *c, Poll *p, const uint8_t *from)
{
  uint64_t began = ask_of(c)->began;
  if (began) p->passed = lw_os_now_ns() - began;
  TRY_ERRNO(read_subscriptions(c, p, from));
  if (p->ndue > 0) { /* others may be ready as well */
    look_around(p);
    take_clocks(p, p->passed);
  } else if (c->w->clock == SOURCE_FAKE)
    TRY_ERRNO(wait_fake(c, p));
  else
    TRY_ERRNO(wait_real(c, p));
  return put_events(c, p);
}

Errno lw_call_poll_oneoff(Call *c)
{
  Poll p = {.n = arg32(c, 2), .soonest = UINT64_MAX};
  if (p.n == 0) return WASI_INVAL;
  const uint8_t *from = lw_guest(c, arg32(c, 0), (uint64_t)p.n * clock_at(c).size);
  if (!from || !lw_guest(c, arg32(c, 1), (uint64_t)p.n * 32) ||
      !lw_guest(c, arg32(c, 3), 4))
    return WASI_FAULT;
  if (p.n > SUBSCRIPTIONS_MAX) return WASI_INVAL;
  p.subs = calloc(p.n, sizeof *p.subs);
  p.fds = calloc(p.n + 1, sizeof *p.fds); /* wait_for has one of its own */
  Errno e = p.subs && p.fds ? poll_all(c, &p, from) : WASI_NOMEM;
  free(p.subs);
  free(p.fds);
  return e;
}
