/*
** sockets.c -- a socket that listens, given by the host: accepting, talking, leaving.
**
** The guest is told its descriptor: `calls sockets FD`. The native program makes one, and
** prints where on stderr.
*/
#include <sys/socket.h>

#include "say.h"

#ifndef __wasi__
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>

static int listener(int argc, char **argv)
{
  struct sockaddr_in at = {.sin_family = AF_INET};
  socklen_t size = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  (void)argc, (void)argv;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 16) != 0) exit(65);
  getsockname(fd, (struct sockaddr *)&at, &size);
  fprintf(stderr, "%d\n", ntohs(at.sin_port));
  signal(SIGPIPE, SIG_IGN);
  return fd;
}
#else
static int listener(int argc, char **argv)
{
  return argc > 0 ? atoi(argv[0]) : -1;
}
int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict size);
#endif

/* All that comes until the other side has no more. */
static void read_all(int fd)
{
  char bytes[64];
  size_t total = 0;
  for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0; total += (size_t)n)
    fwrite(bytes, 1, (size_t)n, stdout);
  printf(" (%zu)\n", total);
}

void sockets(int argc, char **argv)
{
  char bytes[16] = {0};
  struct stat st;
  int fd, at = listener(argc, argv);
  SAY(fd = accept(at, NULL, NULL));
  SAY(fstat(fd, &st));
  HOLDS(S_ISSOCK(st.st_mode));
  COUNT(recv(fd, bytes, 5, MSG_PEEK | MSG_WAITALL));
  COUNT(recv(fd, bytes, 3, MSG_WAITALL));
  printf("[%s]\n", bytes);
  COUNT(read(fd, bytes, 2));
  read_all(fd);
  COUNT(lseek(fd, 0, SEEK_CUR));
  COUNT(send(fd, "sent ", 5, 0));
  COUNT(write(fd, "written", 7));
  SAY(shutdown(fd, 77));
  SAY(shutdown(fd, SHUT_WR));
  COUNT(send(fd, "x", 1, 0));
  SAY(shutdown(1, SHUT_WR));
  COUNT(recv(1, bytes, 1, 0));
  SAY(close(fd));
  COUNT(send(fd, "x", 1, 0));
  COUNT(recv(fd, bytes, 1, 0));
  SAY(shutdown(fd, SHUT_WR));
  SAY(accept(fd, NULL, NULL));
}
