/*
** paths.c -- what path is refused by what call, and how.
*/
#include "say.h"

static char name255[256], name256[257], path_long[5001], path_dots[4001];

static void prepare(void)
{
  memset(name255, 'n', 255);
  memset(name256, 'n', 256);
  for (int n = 0; n < 5000; n++)
    path_long[n] = n % 2 ? '/' : 'd';
  for (int n = 0; n < 4000; n += 2)
    memcpy(path_dots + n, "./", 2);
  memcpy(path_dots + 3998, "f", 2);
  make_file("f", "text");
  mkdir("d", 0755);
  make_file("d/g", "g");
  symlink("loop", "loop");
  symlink("none", "dangling");
  symlink("f", "file");
  symlink("d", "dir");
}

static void all_calls(const char *label, const char *path)
{
  char target[16];
  struct stat st;
  printf("-- %s\n", label);
  SAY(open(path, O_RDONLY));
  SAY(open(path, O_WRONLY));
  SAY(stat(path, &st));
  SAY(lstat(path, &st));
  SAY(access(path, F_OK));
  SAY(readlink(path, target, sizeof target));
  SAY(utimensat(AT_FDCWD, path, NULL, 0));
  SAY(mkdir(path, 0755));
  SAY(rmdir(path));
}

static void names(const char *label, const char *path)
{
  printf("-- %s\n", label);
  SAY(symlink("f", path));
  SAY(link("f", path));
  SAY(rename(path, "d/renamed"));
  SAY(unlink(path));
}

void paths(int argc, char **argv)
{
  (void)argc, (void)argv;
  prepare();
  all_calls("256 bytes", name256);
  names("256 bytes", name256);
  all_calls("5,000 bytes", path_long);
  names("5,000 bytes", path_long);
  all_calls("missing", "none");
  all_calls("below a missing one", "none/x");
  names("below a missing one", "none/x");
  all_calls("below a file", "f/x");
  names("below a file", "f/x");
  all_calls("file/", "f/");
  all_calls("file/.", "f/.");
  all_calls("file/..", "f/..");
  all_calls("below a link to a file", "file/x");
  all_calls("loop", "loop");
  all_calls("below a loop", "loop/x");
  names("below a loop", "loop/x");
  all_calls("dangling", "dangling");
  all_calls("below a dangling one", "dangling/x");
  all_calls("dir/.", "d/.");
  all_calls("4,000 bytes", path_dots);
  printf("-- a name of 255 bytes\n");
  SAY(mkdir(name255, 0755));
  SAY(rmdir(name255));
  SAY(symlink("f", name255));
  SAY(unlink(name255));
  SAY(link("f", name255));
  SAY(rename(name255, "g"));
  SAY(unlink("g"));
  const char *made[] = {"loop", "dangling", "file", "dir", "d/g", "f"};
  for (size_t n = 0; n < sizeof made / sizeof *made; n++)
    SAY(unlink(made[n]));
  SAY(rmdir("d"));
  list(".");
}
