/*
** clock.c -- time and random bytes, the system's or made up.
**
** The fake clock stands at a fixed date and goes on by a microsecond each time somebody
** looks, and by what somebody sleeps; so a program with it and with seeded random bytes
** does the same on every run.
** Layer: wasi.
*/
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "wasi/call.h"

#define NS 1000000000u
enum { FAKE_STEP = 1000 };
#define FAKE_START (1640995200ull * NS) /* 2022-01-01, 0:00 UTC */

static const clockid_t ids[CLOCKS] = {
  [CLOCK_REAL] = CLOCK_REALTIME,
  [CLOCK_MONO] = CLOCK_MONOTONIC,
  [CLOCK_PROCESS] = CLOCK_PROCESS_CPUTIME_ID,
  [CLOCK_THREAD] = CLOCK_THREAD_CPUTIME_ID,
};

uint64_t lw_ns_of(struct timespec t)
{
  if (t.tv_sec < 0) return 0; /* before 1970: the standard has no such time */
  if ((uint64_t)t.tv_sec >= UINT64_MAX / NS) return UINT64_MAX;
  return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

Errno lw_clock_now(Call *c, uint32_t id, uint64_t *ns)
{
  Wasi *w = c->w;
  struct timespec t;
  if (id >= CLOCKS) return WASI_INVAL;
  switch (w->clock) {
  case SOURCE_REAL:
    if (clock_gettime(ids[id], &t) != 0) return lw_errno_of(errno);
    *ns = lw_ns_of(t);
    return WASI_SUCCESS;
  case SOURCE_FAKE:
    w->ticks += FAKE_STEP;
    *ns = id == CLOCK_REAL ? FAKE_START + w->ticks : w->ticks;
    return WASI_SUCCESS;
  default: break;
  }
  if (!answered(c, ASK_CLOCK)) return ask(c, ASK_CLOCK, id, 0);
  *ns = ask_of(c)->number;
  return ask_of(c)->failed ? WASI_IO : WASI_SUCCESS;
}

Errno lw_call_clock_res_get(Call *c)
{
  struct timespec t = {0, FAKE_STEP};
  uint32_t id = arg32(c, 0);
  if (id >= CLOCKS) return WASI_INVAL;
  if (c->w->clock == SOURCE_REAL && clock_getres(ids[id], &t) != 0)
    return lw_errno_of(errno);
  return lw_guest_put64(c, arg32(c, 1), lw_ns_of(t));
}

Errno lw_call_clock_time_get(Call *c)
{
  uint64_t now = 0;
  if (!lw_guest(c, arg32(c, 2), sizeof now)) return WASI_FAULT;
  TRY_ERRNO(lw_clock_now(c, arg32(c, 0), &now));
  return lw_guest_put64(c, arg32(c, 2), now);
}

/* ---- random bytes ---- */

static Errno random_real(Call *c, uint8_t *to, size_t size)
{
  while (size > 0) {
    if (lw_act_wants_end(c->native->act)) return lw_wasi_end(c);
    ssize_t n = getrandom(to, size < 1 << 20 ? size : 1 << 20, 0);
    if (n < 0 && errno != EINTR) return lw_errno_of(errno);
    if (n < 0) continue;
    to += n;
    size -= (size_t)n;
  }
  return WASI_SUCCESS;
}

/* splitmix64 (Steele, Lea, Flood): every seed is as good as any other. */
static uint64_t random_next(uint64_t *seed)
{
  uint64_t z = *seed += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

static Errno random_fake(const Call *c, uint8_t *to, size_t size)
{
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word = random_next(&c->w->seed);
    memcpy(to + at, &word, size - at < 8 ? size - at : 8);
    if (at % (1 << 20) == 0 && lw_act_must_end(c->native->act)) return WASI_INTR;
  }
  return WASI_SUCCESS;
}

Errno lw_call_random_get(Call *c)
{
  uint32_t size = arg32(c, 1);
  uint8_t *to = lw_guest(c, arg32(c, 0), size);
  const NativeAsk *answer = ask_of(c);
  if (!to) return WASI_FAULT;
  switch (c->w->random) {
  case SOURCE_REAL: return random_real(c, to, size);
  case SOURCE_FAKE: return random_fake(c, to, size);
  default: break;
  }
  if (!answered(c, ASK_RANDOM)) return ask(c, ASK_RANDOM, 0, size);
  if (answer->failed || answer->size != size) return WASI_IO;
  if (size) memcpy(to, answer->bytes, size);
  return WASI_SUCCESS;
}
