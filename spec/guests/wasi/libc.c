/*
** libc.c -- a program of plain C and POSIX that says what it sees, line by line.
**
** Built for WASI with wasi-libc and for the host with its own libc; run in the same
** directory, both must print the same. It makes everything it uses, in the current
** directory, which must be empty. The .wasm contains parts of wasi-libc, whose licence is
** examples/guests/LICENSE.wasi-libc.
*/
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Numbers of errors differ between the two; these names are those that occur here. */
static const char *error_name(int number)
{
  static const struct {
    int number;
    const char *name;
  } names[] = {
    {0,            "ok"          },
    {EACCES,       "EACCES"      },
    {EBADF,        "EBADF"       },
    {EEXIST,       "EEXIST"      },
    {EINVAL,       "EINVAL"      },
    {EISDIR,       "EISDIR"      },
    {ELOOP,        "ELOOP"       },
    {ENAMETOOLONG, "ENAMETOOLONG"},
    {ENOENT,       "ENOENT"      },
    {ENOTDIR,      "ENOTDIR"     },
    {ENOTEMPTY,    "ENOTEMPTY"   },
    {EPERM,        "EPERM"       },
    {EPIPE,        "EPIPE"       },
    {ESPIPE,       "ESPIPE"      },
  };
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    if (names[k].number == number) return names[k].name;
  return strerror(number);
}

static void say(const char *what, int result)
{
  printf("%s: %s\n", what, result < 0 ? error_name(errno) : "ok");
}

static void arguments(int argc, char **argv)
{
  printf("%d arguments\n", argc - 1);
  for (int n = 1; n < argc; n++)
    printf("  [%s]\n", argv[n]);
  printf("HOME=%s EMPTY=[%s] NONE=%s\n", getenv("HOME"), getenv("EMPTY"),
         getenv("NONE") ? "there" : "none");
}

static void stdio(void)
{
  char line[64];
  FILE *f = fopen("text", "w");
  for (int n = 0; n < 1000; n++)
    fprintf(f, "line %d\n", n);
  printf("at %ld\n", ftell(f));
  fclose(f);
  f = fopen("text", "r+");
  fseek(f, 500, SEEK_SET);
  printf("%s", fgets(line, sizeof line, f));
  fseek(f, -9, SEEK_END);
  printf("%s", fgets(line, sizeof line, f));
  printf("end: %d\n", fgets(line, sizeof line, f) == NULL && feof(f));
  rewind(f);
  fputs("LINE", f);
  fflush(f);
  rewind(f);
  printf("%s", fgets(line, sizeof line, f));
  fclose(f);
  f = fopen("text", "a");
  fputs("appended\n", f);
  printf("at %ld\n", ftell(f));
  fclose(f);
  printf("none: %d", fopen("none", "r") == NULL);
  printf(" %s\n", error_name(errno));
  printf("x: %d", fopen("text", "wx") == NULL);
  printf(" %s\n", error_name(errno));
}

static void input(void)
{
  char line[64];
  int n = 0;
  while (fgets(line, sizeof line, stdin))
    printf("input %d: %s", ++n, line);
  printf("%d lines, then end\n", n);
}

static void descriptors(void)
{
  char bytes[32] = {0};
  int fd = open("data", O_RDWR | O_CREAT | O_TRUNC, 0644);
  printf("write %zd\n", write(fd, "0123456789", 10));
  printf("pread %zd", pread(fd, bytes, 4, 3));
  printf(" [%s]\n", bytes);
  printf("pwrite %zd\n", pwrite(fd, "abc", 3, 8));
  printf("seek %ld\n", (long)lseek(fd, 0, SEEK_CUR));
  printf("seek %ld\n", (long)lseek(fd, -5, SEEK_END));
  printf("read %zd", read(fd, bytes, sizeof bytes));
  printf(" [%.5s]\n", bytes);
  say("seek", (int)lseek(fd, -50, SEEK_SET));
  say("truncate", ftruncate(fd, 5));
  printf("size %ld\n", (long)lseek(fd, 0, SEEK_END));
  say("sync", fsync(fd));
  say("datasync", fdatasync(fd));
  say("allocate", posix_fallocate(fd, 0, 100) ? -1 : 0);
  printf("size %ld\n", (long)lseek(fd, 0, SEEK_END));
  say("advise", posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) ? -1 : 0);
  say("append", fcntl(fd, F_SETFL, O_APPEND));
  lseek(fd, 0, SEEK_SET);
  printf("write %zd\n", write(fd, "end", 3));
  printf("size %ld\n", (long)lseek(fd, 0, SEEK_END));
  say("close", close(fd));
  say("close", close(fd));
  say("read", (int)read(fd, bytes, 1));
  fd = open("data", O_RDONLY);
  say("write", (int)write(fd, "x", 1));
  close(fd);
  say("open", open("data", O_RDWR | O_CREAT | O_EXCL, 0644));
  say("open", open("data", O_RDONLY | O_DIRECTORY));
  say("open", open("data/x", O_RDONLY));
  say("open", open(".", O_WRONLY));
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
  char *names[200];
  int n = 0;
  DIR *dir = opendir(path);
  if (!dir) {
    say(path, -1);
    return;
  }
  for (const struct dirent *e; (e = readdir(dir));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      names[n++] = strdup(e->d_name);
  closedir(dir);
  qsort(names, (size_t)n, sizeof *names, by_name);
  printf("%s has %d:", path, n);
  for (int k = 0; k < n; k++)
    printf(" %s", names[k]);
  printf("\n");
}

static void directories(void)
{
  char name[40];
  say("mkdir", mkdir("dir", 0755));
  say("mkdir", mkdir("dir", 0755));
  say("mkdir", mkdir("dir/sub", 0755));
  say("mkdir", mkdir("none/sub", 0755));
  for (int n = 0; n < 150; n++) {
    snprintf(name, sizeof name, "dir/sub/file %d", n);
    close(open(name, O_CREAT | O_WRONLY, 0644));
  }
  list("dir/sub");
  list("dir");
  list("none");
  list("data");
  say("rmdir", rmdir("dir"));
  say("rmdir", rmdir("data"));
  say("rename", rename("dir/sub", "moved"));
  list("dir");
  say("rename", rename("data", "dir/data2"));
  say("rename", rename("none", "x"));
  say("rename", rename("moved", "moved/inside"));
  say("rename", rename("dir", "moved"));
  say("unlink", unlink("dir"));
  say("unlink", unlink("none"));
  for (int n = 0; n < 150; n++) {
    snprintf(name, sizeof name, "moved/file %d", n);
    if (unlink(name) != 0) say(name, -1);
  }
  say("rmdir", rmdir("moved"));
  say("unlink", unlink("dir/data2"));
  say("rmdir", rmdir("dir/"));
}

static void describe(const char *path, int result, const struct stat *st)
{
  const char *type = S_ISDIR(st->st_mode)   ? "directory"
                     : S_ISLNK(st->st_mode) ? "link"
                     : S_ISREG(st->st_mode) ? "file"
                                            : "?";
  if (result != 0)
    say(path, -1);
  else if (S_ISDIR(st->st_mode))
    printf("%s: %s\n", path, type);
  else
    printf("%s: %s of %ld bytes, %d names\n", path, type, (long)st->st_size,
           (int)st->st_nlink);
}

static void links(void)
{
  struct stat st, other;
  char target[64] = {0};
  say("symlink", symlink("text", "soft"));
  say("symlink", symlink("soft", "softer"));
  say("symlink", symlink("loop", "loop"));
  say("symlink", symlink("x", "soft"));
  describe("text", stat("text", &st), &st);
  describe("softer", stat("softer", &st), &st);
  describe("softer", lstat("softer", &st), &st);
  describe("loop", stat("loop", &st), &st);
  describe(".", stat(".", &st), &st);
  describe("none", stat("none", &st), &st);
  printf("readlink %zd", readlink("softer", target, sizeof target));
  printf(" [%s]\n", target);
  say("readlink", (int)readlink("text", target, sizeof target));
  say("link", link("text", "hard"));
  say("link", link("text", "hard"));
  stat("text", &st);
  stat("hard", &other);
  printf("the same: %d\n", st.st_ino == other.st_ino && st.st_dev == other.st_dev);
  describe("hard", stat("hard", &st), &st);
  say("unlink", unlink("text"));
  describe("hard", stat("hard", &st), &st);
  describe("softer", stat("softer", &st), &st);
  say("open", open("loop", O_RDONLY));
  say("open", open("softer", O_RDONLY));
  say("open", open("soft", O_RDONLY | O_NOFOLLOW));
  unlink("soft"), unlink("softer"), unlink("loop"), unlink("hard");
}

static void times(void)
{
  struct stat st;
  const struct timespec when[2] = {
    {1000000000, 123456789},
    {1200000000, 5        }
  };
  const struct timespec part[2] = {
    {0, UTIME_OMIT},
    {7, 8         }
  };
  close(open("dated", O_CREAT | O_WRONLY, 0644));
  say("utimensat", utimensat(AT_FDCWD, "dated", when, 0));
  stat("dated", &st);
  printf("%lld.%09ld %lld.%09ld\n", (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
         (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  int fd = open("dated", O_RDWR);
  say("futimens", futimens(fd, part));
  fstat(fd, &st);
  printf("%lld.%09ld %lld.%09ld\n", (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
         (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  close(fd);
  unlink("dated");
}

static void clocks(void)
{
  struct timespec a, b;
  const struct timespec nap = {0, 2000000};
  unsigned char bytes[64] = {0};
  int zeros = 0;
  clock_gettime(CLOCK_MONOTONIC, &a);
  say("nanosleep", nanosleep(&nap, NULL));
  clock_gettime(CLOCK_MONOTONIC, &b);
  long long ns = (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec;
  printf("slept enough: %d\n", ns >= nap.tv_nsec);
  printf("years since 1970: %d\n", time(NULL) / 31557600 >= 50);
  say("getentropy", getentropy(bytes, sizeof bytes));
  for (int n = 0; n < 64; n++)
    zeros += bytes[n] == 0;
  printf("random: %d\n", zeros < 16);
  struct pollfd p = {.fd = 1, .events = POLLOUT};
  printf("poll %d", poll(&p, 1, 1000));
  printf(" %d\n", p.revents == POLLOUT);
}

int main(int argc, char **argv)
{
  arguments(argc, argv);
  input();
  stdio();
  descriptors();
  directories();
  links();
  times();
  clocks();
  list(".");
  fprintf(stderr, "this goes to stderr\n");
  unlink("data");
  return 42;
}
