/*
** tcp_talk.c -- one side of a conversation over TCP.
**
**   tcp_talk ADDRESS PORT TEXT     connects, sends TEXT, says that it sends no more, and
**                                  prints all that it gets
**   tcp_talk ADDRESS PORT          connects, and goes when its stdin ends
**   tcp_talk PATH                  leaves a socket of that name behind
** Layer: spec.
*/
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int leave_socket(const char *path)
{
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
  return fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0;
}

int main(int argc, char **argv)
{
  char bytes[4096];
  struct addrinfo *at = NULL;
  const struct addrinfo how = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
  if (argc == 2) return leave_socket(argv[1]);
  if (argc < 3 || getaddrinfo(argv[1], argv[2], &how, &at) != 0) return 2;
  int fd = socket(at->ai_family, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
    perror("connect");
    return 1;
  }
  freeaddrinfo(at);
  if (argc == 3) return getchar() == EOF ? 0 : 1;
  size_t size = strlen(argv[3]);
  if (send(fd, argv[3], size, MSG_NOSIGNAL) != (ssize_t)size) return 1;
  shutdown(fd, SHUT_WR);
  for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0;)
    fwrite(bytes, 1, (size_t)n, stdout);
  close(fd);
  return 0;
}
