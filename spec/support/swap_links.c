/*
** swap_links.c -- a hostile neighbour: swaps names in a directory while guests use them.
**
**   swap_links dir a b     exchanges dir/a and dir/b for ever, until its stdin ends
**
** Says how often it did so.
** Layer: spec.
*/
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
  unsigned long swaps = 0;
  struct pollfd in = {.fd = 0, .events = POLLIN};
  int dir = argc == 4 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
  if (dir < 0) return 2;
  do {
    for (int n = 0; n < 64; n++)
      if (syscall(SYS_renameat2, dir, argv[2], dir, argv[3], RENAME_EXCHANGE) != 0)
        return 1;
    swaps += 64;
  } while (poll(&in, 1, 0) == 0);
  fprintf(stderr, "%lu swaps\n", swaps);
  return 0;
}
