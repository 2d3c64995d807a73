/*
** worker.c -- the thread in the background and its queue.
**
** A job stays at the head of the queue while it is worked on, so that a child which has
** no such thread any more finds it there and begins anew: compiled functions are kept.
** Layer: rt.
*/
#include "rt/worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/lock.h"

typedef struct Job {
  Code *code; /* a reference */
  bool explicit_bounds;
  struct Job *next;
} Job;

static Job *queue, **last = &queue;
static bool running;
static uint32_t generation; /* in which it runs */

static bool is_wanted(void *code)
{
  return lw_code_shared(code);
}

static void *work(void *unused)
{
  (void)unused;
  lw_lock(LOCK_WORKER);
  while (queue) {
    Job *job = queue;
    lw_unlock(LOCK_WORKER);
    Err ignored = {.at = ERR_NOWHERE}; /* whoever calls the function will meet it */
    lw_code_complete(job->code, job->explicit_bounds, is_wanted, job->code, &ignored);
    lw_lock(LOCK_WORKER);
    assert(queue == job);
    queue = job->next;
    if (!queue) last = &queue;
    lw_unlock(LOCK_WORKER);
    lw_code_unref(job->code);
    free(job);
    lw_lock(LOCK_WORKER);
  }
  running = false;
  lw_lock_wake(LOCK_WORKER);
  lw_unlock(LOCK_WORKER);
  return NULL;
}

/* With the lock held. No thread to be had: the queue waits for the next one who asks. */
static void start(void)
{
  pthread_t thread;
  pthread_attr_t detached;
  sigset_t all, before;
  if (running && generation == lw_fork_generation()) return;
  if (pthread_attr_init(&detached) != 0) return;
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  running = pthread_create(&thread, &detached, work, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&detached);
  generation = lw_fork_generation();
}

static bool has_job(const Code *c, bool explicit_bounds)
{
  for (const Job *j = queue; j; j = j->next)
    if (j->code == c && j->explicit_bounds == explicit_bounds) return true;
  return false;
}

void lw_worker_add(Code *c, bool explicit_bounds)
{
  lw_lock(LOCK_WORKER);
  if (!has_job(c, explicit_bounds) && !lw_code_is_complete(c, explicit_bounds)) {
    Job *job = malloc(sizeof *job);
    if (job) {
      *job = (Job){lw_code_ref(c), explicit_bounds, NULL};
      *last = job;
      last = &job->next;
    }
  }
  if (queue) start();
  lw_unlock(LOCK_WORKER);
}

void lw_worker_drain(void)
{
  lw_lock(LOCK_WORKER);
  if (queue) start();
  while (running && generation == lw_fork_generation())
    lw_lock_wait(LOCK_WORKER);
  lw_unlock(LOCK_WORKER);
}
