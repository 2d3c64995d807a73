/*
** process.c -- readiness, random bytes, arguments, standard streams, and leaving.
*/
#include <poll.h>
#include <sys/select.h>

#include "say.h"

extern char **environ;

static void poll_one(const char *what, int fd, short wanted, int wait)
{
  struct pollfd one = {.fd = fd, .events = wanted};
  int n = poll(&one, 1, wait);
  short events = one.revents;
  printf("%s: %d%s%s%s%s\n", what, n, events & POLLIN ? " in" : "",
         events & POLLOUT ? " out" : "", events & POLLERR ? " error" : "",
         events & POLLNVAL ? " invalid" : "");
}

static long long monotonic(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* stdin is a pipe with "input" in it, stdout takes everything. */
void polls(int argc, char **argv)
{
  char bytes[8];
  (void)argc, (void)argv;
  make_file("f", "text");
  int fd = open("f", O_RDWR);
  poll_one("file", fd, POLLIN | POLLOUT, 1000);
  poll_one("file to read", fd, POLLIN, -1);
  poll_one("stdin", 0, POLLIN, 10000);
  COUNT(read(0, bytes, 5));
  poll_one("stdout", 1, POLLOUT, 10000);
  struct pollfd two[2] = {
    {.fd = fd, .events = POLLIN },
    {.fd = 1,  .events = POLLOUT}
  };
  COUNT(poll(two, 2, 1000));
  HOLDS(two[0].revents == POLLIN && two[1].revents == POLLOUT);
  fd_set in, out;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_SET(fd, &in);
  FD_SET(fd, &out);
  struct timeval second = {1, 0};
  COUNT(select(fd + 1, &in, &out, NULL, &second));
  HOLDS(FD_ISSET(fd, &in) && FD_ISSET(fd, &out));
  long long before = monotonic();
  struct timeval moment = {0, 3000};
  COUNT(select(0, NULL, NULL, NULL, &moment));
  HOLDS(monotonic() - before >= 3000000);
  SAY(close(fd));
  SAY(unlink("f"));
}

void randoms(int argc, char **argv)
{
  static unsigned char bytes[256], more[256];
  int counts[256] = {0}, zeros = 0;
  (void)argc, (void)argv;
  SAY(getentropy(bytes, 256));
  SAY(getentropy(more, 256));
  SAY(getentropy(more, 0));
  SAY(getentropy(bytes, 257));
  HOLDS(memcmp(bytes, more, 256) != 0);
  for (int round = 0; round < 64; round++) {
    getentropy(bytes, 256);
    for (int n = 0; n < 256; n++)
      counts[bytes[n]]++;
  }
  for (int n = 0; n < 256; n++)
    zeros += counts[n] == 0;
  counted("byte values that never came", zeros);
}

void arguments(int argc, char **argv)
{
  for (int n = 0; n < argc; n++)
    printf("%d: [%s] %zu\n", n, argv[n], strlen(argv[n]));
  for (char **e = environ; *e; e++)
    if (strncmp(*e, "CALLS_", 6) == 0) printf("%s\n", *e);
  printf("%s %d\n", getenv("CALLS_ONE"), getenv("CALLS_NONE") == NULL);
  SAY(setenv("CALLS_ONE", "changed", 1));
  printf("%s\n", getenv("CALLS_ONE"));
  SAY(unsetenv("CALLS_ONE"));
  HOLDS(getenv("CALLS_ONE") == NULL);
}

/* stdin and stdout are pipes; "input\nmore" is in stdin. */
void standard(int argc, char **argv)
{
  char line[32] = {0};
  (void)argc, (void)argv;
  COUNT(lseek(0, 0, SEEK_SET));
  COUNT(lseek(1, 0, SEEK_CUR));
  COUNT(pread(0, line, 1, 0));
  HOLDS(isatty(0) == 0);
  HOLDS(isatty(1) == 0);
  COUNT(write(0, "x", 1));
  COUNT(read(1, line, 1));
  HOLDS(fgets(line, sizeof line, stdin) != NULL);
  printf("[%s]\n", line);
  HOLDS(fgets(line, sizeof line, stdin) != NULL);
  printf("[%s]\n", line);
  HOLDS(fgets(line, sizeof line, stdin) == NULL && feof(stdin));
  COUNT(read(0, line, 1));
  fflush(stdout);
  SAY(close(0));
  COUNT(read(0, line, 1));
  SAY(close(0));
  fputs("to stderr\n", stderr);
}

static void at_exit(void)
{
  printf("at exit\n");
}

/* leaves HOW CODE */
void leaves(int argc, char **argv)
{
  if (argc < 2) return;
  int code = atoi(argv[1]);
  atexit(at_exit);
  printf("leaving\n");
  fflush(stdout);
  if (strcmp(argv[0], "exit") == 0) exit(code);
  if (strcmp(argv[0], "now") == 0) _Exit(code);
  if (strcmp(argv[0], "abort") == 0) abort();
}
