/*
** perf.c -- /tmp/perf-PID.map: where perf looks for names of code that is in no file.
**
** A line for each function, `address size name`, the numbers in hexadecimal. perf
** reads it when the process is long gone, so it is left behind. /tmp belongs to
** everybody: the file is made anew (O_EXCL) and never through a link. Where one of
** that name is there already and is an ordinary file of our own with no second name,
** an earlier process of this number left it, and it is replaced; else we refuse. perf
** knows no names in memory files, so lazy code goes to pages of its own while it is on
** (lazy.c).
** Layer: rt.
*/
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/str.h"
#include "rt/symbols.h"

enum { FLUSH_AT = 64 << 10 };

static int map_fd = -1;
static uint32_t generation; /* of the process the file is for */

bool lw_perf_is_stale(void)
{
  return generation != lw_fork_generation();
}

static int create(const char *path)
{
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC;
  return open(path, flags, 0600);
}

static bool is_left_over(const char *path)
{
  struct stat s;
  return lstat(path, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid() &&
         s.st_nlink == 1;
}

Status lw_perf_switch(bool on, Err *err)
{
  char path[64];
  if (map_fd >= 0) close(map_fd);
  map_fd = -1;
  if (!on) return LW_OK;
  generation = lw_fork_generation();
  snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
  map_fd = create(path);
  if (map_fd < 0 && errno == EEXIST && is_left_over(path) && unlink(path) == 0)
    map_fd = create(path);
  if (map_fd >= 0) return LW_OK;
  return lw_fail(err, LW_IO, ERR_NOWHERE, "%s: %s", path, strerror(errno));
}

/* What is in `s`, which is empty then. */
static bool flush(Str *s)
{
  size_t done = 0;
  while (!s->failed && done < s->len) {
    ssize_t n = write(map_fd, s->text + done, s->len - done);
    if (n > 0)
      done += (size_t)n;
    else if (n == 0 || errno != EINTR)
      s->failed = true;
  }
  s->len = 0;
  return !s->failed;
}

bool lw_perf_tell(const Code *c, const TextSymbol *symbols, uint32_t n)
{
  Str s = {0};
  char name[SYMBOL_NAME];
  bool ok = true;
  for (uint32_t k = 0; ok && k < n; k++) {
    lw_symbol_name(c, symbols[k].func, name);
    lw_str_fmt(&s, "%" PRIxPTR " %zx %s\n", (uintptr_t)symbols[k].at, symbols[k].size,
               name);
    if (s.len >= FLUSH_AT) ok = flush(&s);
  }
  ok = ok && flush(&s);
  lw_str_free(&s);
  if (ok) return true;
  close(map_fd);
  map_fd = -1;
  return false;
}
