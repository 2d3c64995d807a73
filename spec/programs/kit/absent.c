/*
** absent.c -- what absent.h declares: ENOSYS, but for locks and modes of files.
**
** Linked into every program that is compiled for WASI.
*/
#include "absent.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static int refuse(void)
{
  errno = ENOSYS;
  return -1;
}

static void *refuse_null(void)
{
  errno = ENOSYS;
  return NULL;
}

char *absent_tmpnam(char *buffer)
{
  (void)buffer;
  return NULL;
}

/* A file of the root without a name; nobody else is there to guess it. */
FILE *absent_tmpfile(void)
{
  static const char name[] = "/tmpfile.new";
  FILE *file = fopen(name, "wb+");
  if (file) unlink(name);
  return file;
}

FILE *popen(const char *command, const char *mode)
{
  (void)command, (void)mode;
  return refuse_null();
}

int pclose(FILE *file)
{
  (void)file;
  return refuse();
}

int system(const char *command)
{
  return command ? refuse() : 0;
}

/* The absolute form, with no link followed and no `..` taken out. */
char *realpath(const char *path, char *resolved)
{
  struct stat st;
  if (stat(path, &st) != 0) return NULL;
  if (!resolved) resolved = malloc(PATH_MAX);
  if (!resolved || path[0] == '/') return resolved ? strcpy(resolved, path) : NULL;
  if (!getcwd(resolved, PATH_MAX)) return NULL;
  if (strcmp(path, ".") == 0) return resolved;
  size_t n = strlen(resolved);
  snprintf(resolved + n, PATH_MAX - n, n > 1 ? "/%s" : "%s", path);
  return resolved;
}

int mkstemp(char *pattern)
{
  (void)pattern;
  return refuse();
}

int absent_fcntl(int fd, int command, ...)
{
  (void)fd;
  switch (command) {
  case F_GETLK:
  case F_SETLK:
  case F_SETLKW:
  case F_GETFD:
  case F_SETFD: return 0;
  }
  return refuse();
}

int chmod(const char *path, mode_t mode)
{
  (void)path, (void)mode;
  return 0;
}

int fchmod(int fd, mode_t mode)
{
  (void)fd, (void)mode;
  return 0;
}

mode_t umask(mode_t mask)
{
  (void)mask;
  return 022;
}

int fchown(int fd, uid_t owner, gid_t group)
{
  (void)fd, (void)owner, (void)group;
  return 0;
}

uid_t getuid(void)
{
  return 1000;
}
uid_t geteuid(void)
{
  return 1000;
}
pid_t getppid(void)
{
  return 1;
}

int setuid(uid_t user)
{
  (void)user;
  return refuse();
}

int setgid(gid_t group)
{
  (void)group;
  return refuse();
}

int dup(int fd)
{
  (void)fd;
  return refuse();
}

int dup2(int fd, int other)
{
  (void)fd, (void)other;
  return refuse();
}

int pipe(int fds[2])
{
  (void)fds;
  return refuse();
}

pid_t fork(void)
{
  return refuse();
}

int execve(const char *path, char *const args[], char *const environment[])
{
  (void)path, (void)args, (void)environment;
  return refuse();
}

int kill(pid_t pid, int signal)
{
  (void)pid, (void)signal;
  return refuse();
}

unsigned alarm(unsigned seconds)
{
  (void)seconds;
  return 0;
}

pid_t waitpid(pid_t pid, int *status, int options)
{
  (void)pid, (void)status, (void)options;
  return refuse();
}

void *dlopen(const char *path, int mode)
{
  (void)path, (void)mode;
  return refuse_null();
}

void *dlsym(void *library, const char *name)
{
  (void)library, (void)name;
  return refuse_null();
}

int dlclose(void *library)
{
  (void)library;
  return refuse();
}

char *dlerror(void)
{
  return "no dynamic libraries";
}

struct passwd *getpwuid(uid_t user)
{
  (void)user;
  return refuse_null();
}

int tcgetattr(int fd, struct termios *state)
{
  (void)fd, (void)state;
  return refuse();
}

int tcsetattr(int fd, int when, const struct termios *state)
{
  (void)fd, (void)when, (void)state;
  return refuse();
}
