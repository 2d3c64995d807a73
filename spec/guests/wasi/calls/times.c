/*
** times.c -- times of files, and the clocks.
**
** Debian's wasi-libc takes UTIME_NOW and UTIME_OMIT for the second time, and NULL for
** both, wrongly, so they are in bare.c.
*/
#include <sys/time.h>

#include "say.h"

static void print_times(const char *path, bool follow)
{
  struct stat st;
  if (fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
    said(path, errno);
    return;
  }
  printf("%s: %lld.%09ld %lld.%09ld\n", path, (long long)st.st_atim.tv_sec,
         (long)st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec,
         (long)st.st_mtim.tv_nsec);
}

static bool is_now(struct timespec t)
{
  time_t now = time(NULL);
  return t.tv_sec >= now - 100 && t.tv_sec <= now + 100;
}

static void set(const char *path, struct timespec a, struct timespec m, int flags)
{
  const struct timespec both[2] = {a, m};
  SAY(utimensat(AT_FDCWD, path, both, flags));
}

#define AT(s, ns) ((struct timespec){.tv_sec = (s), .tv_nsec = (ns)})
#define OMIT      AT(0, UTIME_OMIT)
#define NOW       AT(0, UTIME_NOW)

void times(int argc, char **argv)
{
  struct stat st, later;
  (void)argc, (void)argv;
  make_file("f", "x");
  SAY(mkdir("d", 0755));
  SAY(symlink("f", "s"));
  SAY(stat("f", &st));
  HOLDS(is_now(st.st_atim) && is_now(st.st_mtim) && is_now(st.st_ctim));
  set("f", AT(1000000000, 123456789), AT(1200000000, 1), 0);
  print_times("f", true);
  set("f", OMIT, AT(7, 999999999), 0);
  print_times("f", true);
  set("s", AT(11, 0), AT(12, 0), 0);
  print_times("f", true);
  set("s", AT(13, 0), AT(14, 0), AT_SYMLINK_NOFOLLOW);
  print_times("s", false);
  print_times("s", true);
  set("d", AT(15, 0), AT(16, 0), 0);
  print_times("d", true);
  set("d/.", AT(17, 0), AT(18, 0), 0);
  print_times("d", true);
  set("f", NOW, AT(20, 0), 0);
  SAY(stat("f", &st));
  HOLDS(is_now(st.st_atim) && st.st_mtim.tv_sec == 20);
  set("none", AT(1, 0), AT(1, 0), 0);
  set("f/", AT(1, 0), AT(1, 0), 0);
  set("f", AT(1, 0), AT(1, 0), 0);
  int fd = open("f", O_RDWR);
  const struct timespec both[2] = {AT(30, 5), AT(31, 6)};
  SAY(futimens(fd, both));
  print_times("f", true);
  COUNT(write(fd, "more", 4));
  SAY(fstat(fd, &later));
  HOLDS(is_now(later.st_mtim) && is_now(later.st_ctim));
  SAY(futimens(fd, both));
  SAY(ftruncate(fd, 1));
  SAY(fstat(fd, &later));
  HOLDS(is_now(later.st_mtim));
  SAY(close(fd));
  set("d", AT(1, 0), AT(1, 0), 0);
  make_file("d/new", "");
  SAY(stat("d", &st));
  HOLDS(is_now(st.st_mtim)); /* of a directory: when its entries changed */
  SAY(unlink("d/new"));
  SAY(unlink("s"));
  SAY(unlink("f"));
  SAY(rmdir("d"));
}

static long long ns_of(struct timespec t)
{
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void clocks(int argc, char **argv)
{
  struct timespec a, b, real;
  struct timeval tv;
  const struct timespec nap = {0, 3000000};
  (void)argc, (void)argv;
  SAY(clock_gettime(CLOCK_REALTIME, &real));
  SAY(gettimeofday(&tv, NULL));
  HOLDS(real.tv_sec > 1600000000 && tv.tv_sec - real.tv_sec <= 10);
  HOLDS(real.tv_nsec >= 0 && real.tv_nsec < 1000000000);
  SAY(clock_getres(CLOCK_REALTIME, &a));
  HOLDS(ns_of(a) > 0 && ns_of(a) <= 1000000000);
  SAY(clock_getres(CLOCK_MONOTONIC, &a));
  HOLDS(ns_of(a) > 0 && ns_of(a) <= 1000000000);
  SAY(clock_gettime(CLOCK_MONOTONIC, &a));
  SAY(nanosleep(&nap, NULL));
  SAY(clock_gettime(CLOCK_MONOTONIC, &b));
  HOLDS(ns_of(b) - ns_of(a) >= ns_of(nap));
  SAY_ERROR(clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL));
  SAY_ERROR(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL)); /* over already */
  SAY_ERROR(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &real, NULL));
  SAY(clock_gettime(CLOCK_MONOTONIC, &a));
  HOLDS(ns_of(a) - ns_of(b) >= ns_of(nap));
  SAY(usleep(100));
  bool forward = true;
  for (int n = 0; n < 1000; n++, a = b) {
    clock_gettime(CLOCK_MONOTONIC, &b);
    forward = forward && ns_of(b) >= ns_of(a);
  }
  HOLDS(forward);
}
