/*
** bare.c -- the calls that no native program has, by the names of the standard.
**
** WASI snapshot-01: rights, fd_renumber, prestat, flags of path_open, and errors that
** libc would turn into others.
*/
#ifdef __wasi__
#include <wasi/api.h>

#include "say.h"

#define BARE(call) said(#call, (call))

static void rights(void)
{
  __wasi_fdstat_t st;
  __wasi_fd_t fd;
  __wasi_size_t n;
  const __wasi_rights_t some = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK;
  __wasi_iovec_t in = {(uint8_t[4]){0}, 4};
  BARE(__wasi_path_open(3, 0, "f", 0, some, 0, 0, &fd));
  BARE(__wasi_fd_fdstat_get(fd, &st));
  HOLDS(st.fs_filetype == __WASI_FILETYPE_REGULAR_FILE && st.fs_flags == 0);
  HOLDS(st.fs_rights_base == some && st.fs_rights_inheriting == 0);
  BARE(__wasi_fd_read(fd, &in, 1, &n));
  BARE(__wasi_fd_write(fd, (const __wasi_ciovec_t *)&in, 1, &n));
  BARE(__wasi_fd_filestat_set_size(fd, 1));
  BARE(__wasi_fd_fdstat_set_rights(fd, some | __WASI_RIGHTS_FD_WRITE, 0));
  BARE(__wasi_fd_fdstat_set_rights(fd, __WASI_RIGHTS_FD_SEEK, 0));
  BARE(__wasi_fd_read(fd, &in, 1, &n));
  BARE(__wasi_fd_fdstat_set_rights(fd, some, 0));
  BARE(__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_APPEND));
  BARE(__wasi_fd_close(fd));
}

static void renumber(void)
{
  __wasi_fd_t a, b;
  __wasi_filesize_t at;
  const __wasi_rights_t some = __WASI_RIGHTS_FD_TELL | __WASI_RIGHTS_FD_SEEK;
  BARE(__wasi_path_open(3, 0, "f", 0, some, 0, 0, &a));
  BARE(__wasi_path_open(3, 0, "g", 0, some, 0, 0, &b));
  BARE(__wasi_fd_seek(a, 2, __WASI_WHENCE_SET, &at));
  BARE(__wasi_fd_renumber(a, b));
  BARE(__wasi_fd_tell(a, &at));
  BARE(__wasi_fd_tell(b, &at));
  counted("where b is", (long long)at);
  BARE(__wasi_fd_renumber(b, b));
  BARE(__wasi_fd_renumber(b, 1000));
  BARE(__wasi_fd_renumber(1000, b));
  BARE(__wasi_fd_close(b));
}

static void times_of_fd(void)
{
  __wasi_fd_t fd;
  __wasi_filestat_t st;
  const __wasi_rights_t some =
    __WASI_RIGHTS_FD_FILESTAT_SET_TIMES | __WASI_RIGHTS_FD_FILESTAT_GET;
  const __wasi_timestamp_t recent = 1600000000000000000;
  BARE(__wasi_path_open(3, 0, "f", 0, some, 0, 0, &fd));
  BARE(__wasi_fd_filestat_set_times(fd, 1000, 2000, 1 | 4));
  BARE(__wasi_fd_filestat_set_times(fd, 3000, 9, 1));
  BARE(__wasi_fd_filestat_get(fd, &st));
  HOLDS(st.atim == 3000 && st.mtim == 2000 && st.filetype == 4 && st.nlink == 1);
  BARE(__wasi_fd_filestat_set_times(fd, 9, 4000, 2 | 4));
  BARE(__wasi_fd_filestat_get(fd, &st));
  HOLDS(st.atim > recent && st.mtim == 4000);
  BARE(__wasi_fd_filestat_set_times(fd, 9, 9, 8));
  BARE(__wasi_fd_filestat_get(fd, &st));
  HOLDS(st.mtim > recent);
  BARE(__wasi_fd_filestat_set_times(fd, 9, 9, 4 | 8));
  BARE(__wasi_fd_filestat_set_times(fd, 9, 9, 16));
  BARE(__wasi_fd_close(fd));
}

static void preopens(void)
{
  __wasi_prestat_t prestat;
  uint8_t name[16] = {0};
  BARE(__wasi_fd_prestat_get(0, &prestat));
  BARE(__wasi_fd_prestat_get(3, &prestat));
  counted("size of its name", (long long)prestat.u.dir.pr_name_len);
  BARE(__wasi_fd_prestat_dir_name(3, name, prestat.u.dir.pr_name_len));
  printf("[%s]\n", (const char *)name);
  BARE(__wasi_fd_prestat_dir_name(3, name, 0));
  BARE(__wasi_fd_prestat_get(4, &prestat));
}

static void refused(void)
{
  __wasi_fd_t fd;
  __wasi_filestat_t st;
  BARE(__wasi_path_open(3, 0, "..", 0, 0, 0, 0, &fd));
  BARE(__wasi_path_open(3, 0, "/etc", 0, 0, 0, 0, &fd));
  BARE(__wasi_path_open(0, 0, "f", 0, 0, 0, 0, &fd));
  BARE(__wasi_path_open(3, 0, "f", __WASI_OFLAGS_DIRECTORY, 0, 0, 0, &fd));
  BARE(__wasi_path_open(3, 0, "f", 1 << 4, 0, 0, 0, &fd));
  BARE(__wasi_path_open(3, 0, "f", 0, 0, 0, 1 << 5, &fd));
  BARE(__wasi_path_filestat_get(3, 0, "../x", &st));
  BARE(__wasi_path_filestat_get(3, 0, "", &st));
  BARE(__wasi_path_create_directory(3, ""));
  BARE(__wasi_path_symlink("/etc", 3, "s"));
  BARE(__wasi_path_symlink("", 3, "s"));
  BARE(__wasi_path_filestat_set_times(3, 0, "f", 1, 2, 3 /* both of atim */));
  BARE(__wasi_path_filestat_set_times(3, 0, "f", 1000, 2000, 1 | 4));
  BARE(__wasi_path_filestat_get(3, 0, "f", &st));
  HOLDS(st.atim == 1000 && st.mtim == 2000);
  BARE(__wasi_path_filestat_set_times(3, 0, "f", 3000, 9, 1));
  BARE(__wasi_path_filestat_set_times(3, 0, "f", 9, 4000, 4));
  BARE(__wasi_path_filestat_set_times(3, 0, "f", 9, 9, 0));
  BARE(__wasi_path_filestat_get(3, 0, "f", &st));
  HOLDS(st.atim == 3000 && st.mtim == 4000);
  BARE(__wasi_path_filestat_set_times(3, 0, "f", 5000, 9, 1 | 8 /* mtim: now */));
  BARE(__wasi_path_filestat_get(3, 0, "f", &st));
  HOLDS(st.atim == 5000 && st.mtim > 1600000000000000000);
  BARE(__wasi_path_filestat_set_times(3, 0, "f", 1, 1, 1 | 4));
  BARE(__wasi_path_filestat_set_times(3, 0, "f", 9, 9, 2 | 8));
  BARE(__wasi_path_filestat_get(3, 0, "f", &st));
  HOLDS(st.atim > 1600000000000000000 && st.mtim > 1600000000000000000);
  BARE(__wasi_fd_allocate(3, 0, 1));
  BARE(__wasi_fd_advise(3, 0, 1, __WASI_ADVICE_NORMAL));
  BARE(__wasi_sock_shutdown(3, __WASI_SDFLAGS_RD));
  BARE(__wasi_sched_yield());
}

/* A link in a directory whose own descriptor is used leads no further than that. */
static void from_below(void)
{
  __wasi_fd_t fd;
  __wasi_filestat_t st;
  const __wasi_rights_t all = __WASI_RIGHTS_PATH_OPEN | __WASI_RIGHTS_PATH_FILESTAT_GET;
  BARE(__wasi_path_create_directory(3, "d"));
  BARE(__wasi_path_symlink("../f", 3, "d/s"));
  BARE(__wasi_path_open(3, 0, "d", __WASI_OFLAGS_DIRECTORY, all, all, 0, &fd));
  BARE(__wasi_path_filestat_get(3, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, "d/s", &st));
  BARE(__wasi_path_filestat_get(fd, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, "s", &st));
  BARE(__wasi_path_filestat_get(fd, 0, "s", &st));
  BARE(__wasi_path_filestat_get(fd, 0, "../f", &st));
  BARE(__wasi_path_unlink_file(fd, "s"));
  BARE(__wasi_fd_close(fd));
  BARE(__wasi_path_unlink_file(3, "d/s"));
  BARE(__wasi_path_remove_directory(3, "d"));
}

static void subscriptions(void)
{
  __wasi_subscription_t s[2] = {0};
  __wasi_event_t events[2];
  __wasi_size_t n;
  BARE(__wasi_poll_oneoff(s, events, 0, &n));
  s[0].userdata = 11;
  s[0].u.tag = __WASI_EVENTTYPE_CLOCK;
  s[0].u.u.clock = (__wasi_subscription_clock_t){.id = __WASI_CLOCKID_MONOTONIC};
  s[1].userdata = 22;
  s[1].u.tag = __WASI_EVENTTYPE_FD_READ;
  s[1].u.u.fd_read.file_descriptor = 1000;
  BARE(__wasi_poll_oneoff(s, events, 2, &n));
  counted("events", n);
  for (__wasi_size_t k = 0; k < n; k++)
    printf("%d: %s\n", (int)events[k].userdata,
           events[k].error ? error_name(events[k].error) : "ok");
}

void bare(int argc, char **argv)
{
  (void)argc, (void)argv;
  make_file("f", "some text");
  make_file("g", "");
  rights();
  renumber();
  times_of_fd();
  preopens();
  refused();
  from_below();
  subscriptions();
  unlink("f");
  unlink("g");
}
#endif
