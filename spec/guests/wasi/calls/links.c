/*
** links.c -- symbolic and hard links.
*/
#include "say.h"

static void read_link(const char *path, size_t size)
{
  char target[64] = {0};
  ssize_t n = readlink(path, target, size);
  if (n < 0)
    said(path, errno);
  else
    printf("%s -> [%s] %zd\n", path, target, n);
}

/* Chains of 39, 40 and 41 links: the system follows 40. */
static void chains(void)
{
  char name[16], target[16];
  for (int n = 1; n <= 41; n++) {
    snprintf(name, sizeof name, "c%d", n);
    snprintf(target, sizeof target, n == 1 ? "f" : "c%d", n - 1);
    if (symlink(target, name) != 0) said(name, errno);
  }
  describe("c39", true);
  describe("c40", true);
  describe("c41", true);
  SAY(open("c40", O_RDONLY));
  SAY(open("c41", O_RDONLY));
  for (int n = 1; n <= 41; n++) {
    snprintf(name, sizeof name, "c%d", n);
    unlink(name);
  }
}

static void through(void)
{
  SAY(symlink("d", "dir"));
  SAY(symlink("../f", "d/up"));
  SAY(symlink("d/up", "down"));
  SAY(symlink("./d/../f", "round"));
  SAY(symlink("f/", "slash"));
  SAY(symlink("d/", "dirslash"));
  describe("dir", true);
  describe("dir", false);
  describe("dir/", false);
  describe("dir/up", true);
  describe("down", true);
  describe("round", true);
  describe("slash", true);
  describe("dirslash/up", true);
  SAY(rmdir("dir"));
  SAY(rmdir("dir/"));
  SAY(mkdir("dir", 0755));
  SAY(mkdir("dir/new", 0755));
  list("d");
  SAY(rmdir("dir/new"));
  SAY(unlink("dir/up"));
  SAY(unlink("dir"));
  SAY(unlink("down"));
  SAY(unlink("round"));
  SAY(unlink("slash"));
  SAY(unlink("dirslash"));
}

static void dangling(void)
{
  SAY(symlink("made", "l"));
  SAY(symlink("no/made", "far"));
  SAY(open("l", O_RDONLY));
  SAY(open("l", O_WRONLY | O_CREAT | O_EXCL, 0644));
  SAY(open("l", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  SAY(open("far", O_WRONLY | O_CREAT, 0644));
  SAY(mkdir("l", 0755));
  SAY(symlink("x", "l"));
  SAY(link("f", "l"));
  SAY(close(open("l", O_WRONLY | O_CREAT, 0644)));
  describe("made", false);
  describe("l", false);
  make_file("l", "through");
  describe("made", false);
  SAY(open("l", O_RDONLY | O_NOFOLLOW));
  SAY(unlink("l"));
  SAY(unlink("made"));
  SAY(unlink("far"));
}

static void hard(void)
{
  struct stat st, other;
  SAY(link("f", "h"));
  SAY(link("f", "h"));
  SAY(link("none", "x"));
  SAY(link("d", "x"));
  SAY(link("f", "d/h/"));
  SAY(link("f", "none/h"));
  SAY(link("f/", "x"));
  SAY(stat("f", &st));
  SAY(stat("h", &other));
  HOLDS(st.st_ino == other.st_ino && st.st_dev == other.st_dev);
  describe("h", true);
  make_file("h", "changed by its other name");
  describe("f", true);
  SAY(symlink("f", "s"));
  SAY(linkat(AT_FDCWD, "s", AT_FDCWD, "to_link", 0));
  SAY(linkat(AT_FDCWD, "s", AT_FDCWD, "to_file", AT_SYMLINK_FOLLOW));
  describe("to_link", false);
  describe("to_file", false);
  SAY(unlink("to_link"));
  SAY(unlink("to_file"));
  SAY(unlink("s"));
  SAY(unlink("h"));
  describe("f", true);
}

void links(int argc, char **argv)
{
  (void)argc, (void)argv;
  make_file("f", "text");
  SAY(mkdir("d", 0755));
  SAY(symlink("target of 22 bytes now", "s"));
  SAY(symlink("", "empty"));
  read_link("s", 64);
  read_link("s", 6);
  read_link("s", 22);
  read_link("f", 64);
  read_link("d", 64);
  read_link("none", 64);
  read_link("s/", 64);
  describe("s", false);
  describe("s", true);
  SAY(unlink("s"));
  chains();
  through();
  dangling();
  hard();
  SAY(unlink("f"));
  SAY(rmdir("d"));
  list(".");
}
