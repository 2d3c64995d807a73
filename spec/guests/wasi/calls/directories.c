/*
** directories.c -- directories made, listed, removed; and what takes which place when
** something is renamed.
*/
#include <dirent.h>

#include "say.h"

static int count(DIR *dir)
{
  int n = 0;
  while (readdir(dir))
    n++;
  return n;
}

static void listing(void)
{
  char name[16];
  mkdir("many", 0755);
  for (int k = 0; k < 10; k++) {
    snprintf(name, sizeof name, "many/%d", k);
    make_file(name, "");
  }
  list("many");
  DIR *dir = opendir("many");
  COUNT(count(dir)); /* with . and .. */
  COUNT(count(dir));
  rewinddir(dir);
  COUNT(count(dir));
  for (int k = 0; k < 10; k++) {
    snprintf(name, sizeof name, "many/%d", k);
    SAY(unlink(name));
  }
  rewinddir(dir);
  COUNT(count(dir));
  SAY(closedir(dir));
  SAY(rmdir("many"));
}

static void relative(void)
{
  struct stat st;
  int top, sub;
  SAY(top = open("d", O_RDONLY | O_DIRECTORY));
  SAY(mkdirat(top, "sub", 0755));
  SAY(sub = openat(top, "sub", O_RDONLY | O_DIRECTORY));
  SAY(close(openat(sub, "f", O_WRONLY | O_CREAT, 0644)));
  SAY(fstatat(top, "sub/f", &st, 0));
  SAY(renameat(sub, "f", top, "g"));
  SAY(linkat(top, "g", sub, "h", 0));
  SAY(symlinkat("../g", sub, "s"));
  SAY(fstatat(top, "sub/s", &st, 0));
  HOLDS(S_ISREG(st.st_mode) && st.st_nlink == 2);
  SAY(fstatat(sub, "s", &st, AT_SYMLINK_NOFOLLOW));
  HOLDS(S_ISLNK(st.st_mode));
  SAY(unlinkat(top, "sub", 0));
  SAY(unlinkat(top, "sub", AT_REMOVEDIR));
  SAY(unlinkat(top, "g", AT_REMOVEDIR));
  SAY(unlinkat(sub, "s", 0));
  SAY(unlinkat(sub, "h", 0));
  SAY(unlinkat(top, "sub", AT_REMOVEDIR));
  SAY(openat(sub, "new", O_WRONLY | O_CREAT, 0644)); /* it is gone */
  SAY(mkdirat(sub, "new", 0755));
  SAY(fstat(sub, &st));
  SAY(close(sub));
  SAY(unlinkat(top, "g", 0));
  DIR *dir = fdopendir(top);
  HOLDS(dir != NULL);
  SAY(closedir(dir));
  SAY(close(top));
}

void directories(int argc, char **argv)
{
  (void)argc, (void)argv;
  SAY(mkdir("d", 0755));
  SAY(mkdir("d", 0755));
  SAY(mkdir("d/", 0755));
  SAY(mkdir(".", 0755));
  SAY(mkdir("d/e/", 0755));
  SAY(rmdir("d"));
  SAY(rmdir("d/."));
  SAY(rmdir("d/e/.."));
  SAY(rmdir("none"));
  make_file("f", "");
  SAY(mkdir("f", 0755));
  SAY(mkdir("f/d", 0755));
  SAY(rmdir("f"));
  SAY(rmdir("f/"));
  SAY(unlink("d"));
  SAY(unlink("d/"));
  SAY(unlink("f/"));
  SAY(remove("d/e"));
  list("d");
  list("f");
  list("none");
  listing();
  relative();
  SAY(remove("f"));
  SAY(rmdir("d/"));
  list(".");
}

/* The table of what may take whose place. */
static void matrix(void)
{
  static const char *const what[] = {"file", "empty", "full", "link", "none"};
  char from[16], to[16];
  for (int a = 0; a < 5; a++)
    for (int b = 0; b < 4; b++) {
      mkdir("from", 0755);
      mkdir("to", 0755);
      for (int side = 0; side < 2; side++) {
        const char *dir = side ? "to" : "from";
        char name[32];
        snprintf(name, sizeof name, "%s/file", dir);
        make_file(name, dir);
        snprintf(name, sizeof name, "%s/empty", dir);
        mkdir(name, 0755);
        snprintf(name, sizeof name, "%s/full", dir);
        mkdir(name, 0755);
        snprintf(name, sizeof name, "%s/full/x", dir);
        make_file(name, dir);
        snprintf(name, sizeof name, "%s/link", dir);
        symlink("file", name);
      }
      snprintf(from, sizeof from, "from/%s", what[a]);
      snprintf(to, sizeof to, "to/%s", what[b]);
      printf("%s over %s: ", from, to);
      SAY(rename(from, to));
      list("from");
      list("to");
      describe(to, false);
      static const char *const gone[] = {
        "from/file", "from/full/x", "from/link", "to/file", "to/full/x",
        "to/link",   "to/empty/x",  "to/empty",  "to/full", "from/empty",
        "from/full", "from",        "to",
      };
      for (size_t n = 0; n < sizeof gone / sizeof *gone; n++)
        remove(gone[n]);
    }
}

void renames(int argc, char **argv)
{
  (void)argc, (void)argv;
  matrix();
  mkdir("d", 0755);
  mkdir("d/e", 0755);
  make_file("f", "f");
  SAY(rename("d", "d"));
  SAY(rename("f", "f"));
  SAY(rename("d", "d/e/x"));
  SAY(rename("d/e", "d"));
  SAY(rename("f", "f/x"));
  SAY(rename("f", "d/e/"));
  SAY(rename("f/", "g"));
  SAY(rename("f", "g/"));
  SAY(rename("d/e/", "d/g/"));
  SAY(rename("d/.", "x"));
  SAY(rename("d/g/..", "x"));
  SAY(rename("f", "none/x"));
  SAY(link("f", "hard"));
  SAY(rename("f", "hard")); /* two names of one file: nothing is done */
  describe("f", false);
  SAY(unlink("hard"));
  SAY(unlink("f"));
  SAY(rmdir("d/g"));
  SAY(rmdir("d"));
  list(".");
}
