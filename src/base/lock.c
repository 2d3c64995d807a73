/*
** lock.c -- the locks of the process, and what a fork does with them.
** Layer: base.
*/
#include "base/lock.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static pthread_mutex_t locks[LOCK__MAX];
static pthread_cond_t wakes[LOCK__MAX];
static _Atomic(uint32_t) generation, count;
#ifndef NDEBUG
static _Thread_local uint32_t held; /* bit per LockName */
#endif

static void make_all(void)
{
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* what lw_os_now_ns tells */
  for (int n = 0; n < LOCK__MAX; n++) {
    pthread_mutex_init(&locks[n], NULL);
    pthread_cond_init(&wakes[n], &attr);
  }
  pthread_condattr_destroy(&attr);
}

void lw_lock(LockName name)
{
  assert(name < LOCK__MAX && held >> name == 0);
  pthread_mutex_lock(&locks[name]);
#ifndef NDEBUG
  held |= 1u << name;
#endif
}

void lw_unlock(LockName name)
{
  assert(held >> name & 1);
#ifndef NDEBUG
  held &= ~(1u << name);
#endif
  pthread_mutex_unlock(&locks[name]);
}

void lw_lock_wait(LockName name)
{
  assert(held == 1u << name);
  pthread_cond_wait(&wakes[name], &locks[name]);
}

void lw_lock_wait_until(LockName name, uint64_t ns)
{
  enum { SECOND = 1000000000 };
  assert(held == 1u << name);
  if (ns > (uint64_t)INT64_MAX) ns = INT64_MAX;
  struct timespec at = {(time_t)(ns / SECOND), (long)(ns % SECOND)};
  pthread_cond_timedwait(&wakes[name], &locks[name], &at);
}

void lw_lock_wake(LockName name)
{
  assert(held >> name & 1);
  pthread_cond_broadcast(&wakes[name]);
}

uint32_t lw_fork_generation(void)
{
  return atomic_load_explicit(&generation, memory_order_relaxed);
}

uint32_t lw_fork_count(void)
{
  return atomic_load_explicit(&count, memory_order_relaxed);
}

/* ---- fork ---- */

static void before_fork(void)
{
  for (int n = 0; n < LOCK__MAX; n++)
    pthread_mutex_lock(&locks[n]);
}

static void in_parent(void)
{
  atomic_fetch_add(&count, 1);
  for (int n = LOCK__MAX; n-- > 0;)
    pthread_mutex_unlock(&locks[n]);
}

/* Its one thread holds all locks; those that waited on the conditions are not here. */
static void in_child(void)
{
  atomic_fetch_add(&count, 1);
  atomic_fetch_add(&generation, 1);
  make_all();
}

/* As the library is loaded: it is never unloaded (-z nodelete). */
__attribute__((constructor)) static void on_load(void)
{
  make_all();
  pthread_atfork(before_fork, in_parent, in_child);
}
