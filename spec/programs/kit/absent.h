/*
** absent.h -- what the programs ask of POSIX and WASI's C library does not declare.
**
** Included before every source that is compiled for WASI; native builds never see it.
** Most of it fails with ENOSYS, as a kernel without the call would. Locks of files and
** changes of their modes succeed and do nothing, since nobody else is there.
** Not for: threads. There are none; what starts them fails, mutexes do nothing.
*/
#ifndef ABSENT_H
#define ABSENT_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

/* stdio.h, stdlib.h */
#define L_tmpnam 20
#define tmpnam   absent_tmpnam
#define tmpfile  absent_tmpfile
char *absent_tmpnam(char *buffer);
FILE *absent_tmpfile(void);
FILE *popen(const char *command, const char *mode);
int pclose(FILE *file);
int system(const char *command);
char *realpath(const char *path, char *resolved);
int mkstemp(char *pattern);
size_t malloc_usable_size(void *block);

/* fcntl.h, sys/stat.h, unistd.h */
#define F_GETLK  5
#define F_SETLK  6
#define F_SETLKW 7
#define F_RDLCK  0
#define F_WRLCK  1
#define F_UNLCK  2
#define fcntl    absent_fcntl
int absent_fcntl(int fd, int command, ...);
int chmod(const char *path, mode_t mode);
int fchmod(int fd, mode_t mode);
mode_t umask(mode_t mask);
int fchown(int fd, uid_t owner, gid_t group);
uid_t getuid(void);
uid_t geteuid(void);
pid_t getppid(void);
int setuid(uid_t user);
int setgid(gid_t group);
int dup(int fd);
int dup2(int fd, int other);
int pipe(int fds[2]);
pid_t fork(void);
int execve(const char *path, char *const args[], char *const environment[]);
int kill(pid_t pid, int signal);
unsigned alarm(unsigned seconds);

/* signal.h */
typedef void (*absent_handler)(int);
#define sighandler_t absent_handler

/* sys/wait.h */
#define WNOHANG             1
#define WEXITSTATUS(status) (((status) >> 8) & 255)
#define WTERMSIG(status)    ((status)&127)
#define WIFEXITED(status)   (WTERMSIG(status) == 0)
#define WIFSIGNALED(status) (WTERMSIG(status) != 0)
pid_t waitpid(pid_t pid, int *status, int options);

/* dlfcn.h */
#define RTLD_NOW   2
#define RTLD_LOCAL 0
void *dlopen(const char *path, int mode);
void *dlsym(void *library, const char *name);
int dlclose(void *library);
char *dlerror(void);

/* pwd.h */
struct passwd {
  char *pw_name, *pw_dir;
};
struct passwd *getpwuid(uid_t user);

/* termios.h */
struct termios {
  unsigned c_iflag, c_oflag, c_cflag, c_lflag;
  unsigned char c_cc[32];
};
enum {
  TCSANOW,
  IGNBRK,
  BRKINT,
  PARMRK,
  ISTRIP,
  INLCR,
  IGNCR,
  ICRNL,
  IXON,
  OPOST,
  ECHO,
  ECHONL,
  ICANON,
  IEXTEN,
  CSIZE,
  PARENB,
  CS8,
  VMIN,
  VTIME,
  TIOCGWINSZ = 1000
};
struct winsize {
  unsigned short ws_row, ws_col;
};
int tcgetattr(int fd, struct termios *state);
int tcsetattr(int fd, int when, const struct termios *state);

/* pthread.h */
typedef struct {
  int unused;
} absent_lock;
#define pthread_t       absent_lock
#define pthread_attr_t  absent_lock
#define pthread_cond_t  absent_lock
#define pthread_mutex_t absent_lock
#define PTHREAD_MUTEX_INITIALIZER                                                        \
  {                                                                                      \
    0                                                                                    \
  }
#define PTHREAD_CREATE_DETACHED                    1
#define pthread_mutex_init(mutex, how)             ((void)(mutex), 0)
#define pthread_mutex_lock(mutex)                  ((void)(mutex), 0)
#define pthread_mutex_unlock(mutex)                ((void)(mutex), 0)
#define pthread_mutex_destroy(mutex)               ((void)(mutex), 0)
#define pthread_cond_init(cond, how)               ((void)(cond), 0)
#define pthread_cond_wait(cond, mutex)             ((void)(cond), (void)(mutex), 0)
#define pthread_cond_timedwait(cond, mutex, until) ((void)(cond), (void)(until), 0)
#define pthread_cond_signal(cond)                  ((void)(cond), 0)
#define pthread_cond_destroy(cond)                 ((void)(cond), 0)
#define pthread_attr_init(attr)                    ((void)(attr), 0)
#define pthread_attr_destroy(attr)                 ((void)(attr), 0)
#define pthread_attr_setdetachstate(attr, state)   ((void)(attr), 0)
#define pthread_create(thread, attr, start, x)                                           \
  ((void)(thread), (void)(start), (void)(x), 38) /* some error */

#endif
