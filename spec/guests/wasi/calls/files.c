/*
** files.c -- open, read, write, size, seek: what a descriptor of a file can do.
*/
#include <sys/uio.h>

#include "say.h"

static void opening(void)
{
  int fd;
  SAY(open("none", O_RDONLY));
  SAY(open("none/f", O_RDONLY));
  SAY(open("none/f", O_WRONLY | O_CREAT, 0644));
  SAY(fd = open("f", O_WRONLY | O_CREAT | O_EXCL, 0644));
  COUNT(write(fd, "hello", 5));
  SAY(close(fd));
  SAY(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644));
  SAY(open("f", O_RDONLY | O_DIRECTORY));
  SAY(open("f/", O_RDONLY));
  SAY(open("f/x", O_RDONLY));
  SAY(open("f/..", O_RDONLY));
  SAY(open("new/", O_WRONLY | O_CREAT, 0644));
  SAY(open(".", O_WRONLY));
  SAY(open(".", O_RDWR));
  SAY(open("./f", O_RDONLY));
  SAY(open(".//.//f", O_RDONLY));
  SAY(fd = open("f", O_RDWR | O_TRUNC));
  describe("f", true);
  SAY(close(fd));
}

static void transfers(void)
{
  char bytes[64] = {0};
  struct iovec out[3] = {
    {"one ",  4},
    {"",      0},
    {"three", 5}
  };
  struct iovec in[2] = {
    {bytes,      3 },
    {bytes + 10, 20}
  };
  int fd = open("f", O_RDWR | O_TRUNC);
  COUNT(writev(fd, out, 3));
  COUNT(lseek(fd, 0, SEEK_SET));
  COUNT(readv(fd, in, 2));
  printf("[%s] [%s]\n", bytes, bytes + 10);
  COUNT(read(fd, bytes, sizeof bytes));
  COUNT(read(fd, bytes, 0));
  COUNT(write(fd, "", 0));
  COUNT(pread(fd, bytes, 4, 5));
  COUNT(pread(fd, bytes, 4, 100));
  COUNT(pread(fd, bytes, 4, -1));
  COUNT(pwrite(fd, "XY", 2, 20));
  COUNT(pwrite(fd, "XY", 2, -1));
  COUNT(lseek(fd, 0, SEEK_CUR));
  COUNT(pread(fd, bytes, sizeof bytes, 0));
  for (int n = 0; n < 22; n++)
    putchar(bytes[n] ? bytes[n] : '.');
  putchar('\n');
  SAY(close(fd));
}

static void one_way(void)
{
  char bytes[4];
  int fd = open("f", O_RDONLY);
  COUNT(write(fd, "x", 1));
  COUNT(pwrite(fd, "x", 1, 0));
  COUNT(read(fd, bytes, 4));
  SAY(close(fd));
  fd = open("f", O_WRONLY);
  COUNT(read(fd, bytes, 4));
  COUNT(pread(fd, bytes, 4, 0));
  COUNT(write(fd, "1", 1));
  SAY(close(fd));
  fd = open("f", O_WRONLY | O_APPEND);
  HOLDS((fcntl(fd, F_GETFL) & O_APPEND) != 0);
  COUNT(write(fd, "end", 3));
  COUNT(lseek(fd, 0, SEEK_CUR));
  COUNT(lseek(fd, 0, SEEK_SET));
  COUNT(write(fd, "end", 3));
  COUNT(lseek(fd, 0, SEEK_CUR));
  SAY(fcntl(fd, F_SETFL, 0));
  COUNT(lseek(fd, 0, SEEK_SET));
  COUNT(write(fd, "2", 1));
  COUNT(lseek(fd, 0, SEEK_CUR));
  SAY(close(fd));
  describe("f", true);
}

static void directory_as_file(void)
{
  char bytes[4];
  int fd = open(".", O_RDONLY | O_DIRECTORY);
  struct stat st;
  COUNT(read(fd, bytes, 4));
  COUNT(write(fd, "x", 1));
  SAY(fstat(fd, &st));
  HOLDS(S_ISDIR(st.st_mode));
  SAY(fsync(fd));
  SAY(close(fd));
}

static void closed(void)
{
  char bytes[4];
  struct stat st;
  int fd = open("f", O_RDWR);
  SAY(close(fd));
  SAY(close(fd));
  SAY(close(-1));
  SAY(close(1000000));
  COUNT(read(fd, bytes, 1));
  COUNT(write(fd, bytes, 1));
  COUNT(pread(fd, bytes, 1, 0));
  COUNT(pwrite(fd, bytes, 1, 0));
  COUNT(lseek(fd, 0, SEEK_SET));
  SAY(fstat(fd, &st));
  SAY(ftruncate(fd, 0));
  SAY(fsync(fd));
  SAY(fdatasync(fd));
  SAY(futimens(fd, NULL));
  SAY(fcntl(fd, F_GETFL));
  SAY(fcntl(fd, F_SETFL, 0));
  SAY_ERROR(posix_fallocate(fd, 0, 1));
  SAY_ERROR(posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL));
  SAY(openat(fd, "f", O_RDONLY));
  SAY(mkdirat(fd, "d", 0755));
  SAY(unlinkat(fd, "f", 0));
  SAY(fstatat(fd, "f", &st, 0));
  HOLDS(isatty(fd) == 0 && errno == EBADF);
}

void files(int argc, char **argv)
{
  (void)argc, (void)argv;
  opening();
  transfers();
  one_way();
  directory_as_file();
  closed();
  SAY(unlink("f"));
  list(".");
}

static void sizes(int fd)
{
  SAY(ftruncate(fd, 3));
  describe("f", true);
  COUNT(lseek(fd, 0, SEEK_CUR));
  SAY(ftruncate(fd, 1000));
  describe("f", true);
  SAY(ftruncate(fd, -1));
  SAY_ERROR(posix_fallocate(fd, 900, 200));
  describe("f", true);
  SAY_ERROR(posix_fallocate(fd, 0, 10));
  describe("f", true);
  SAY_ERROR(posix_fallocate(fd, 0, 0));
  SAY_ERROR(posix_fallocate(fd, -1, 10));
  SAY_ERROR(posix_fadvise(fd, 0, 100, POSIX_FADV_WILLNEED));
  SAY_ERROR(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
  SAY_ERROR(posix_fadvise(fd, 0, 0, 77));
  SAY(fsync(fd));
  SAY(fdatasync(fd));
}

void positions(int argc, char **argv)
{
  char bytes[8] = {0};
  int fd;
  (void)argc, (void)argv;
  make_file("f", "0123456789");
  SAY(fd = open("f", O_RDWR));
  COUNT(lseek(fd, 4, SEEK_SET));
  COUNT(lseek(fd, 2, SEEK_CUR));
  COUNT(lseek(fd, -3, SEEK_CUR));
  COUNT(lseek(fd, -4, SEEK_CUR));
  COUNT(lseek(fd, -10, SEEK_END));
  COUNT(lseek(fd, -11, SEEK_END));
  COUNT(lseek(fd, -1, SEEK_SET));
  COUNT(lseek(fd, 0, 77));
  COUNT(lseek(fd, 0, SEEK_CUR));
  COUNT(lseek(fd, 15, SEEK_SET));
  COUNT(read(fd, bytes, 4));
  COUNT(write(fd, "end", 3));
  describe("f", true);
  COUNT(lseek(fd, 8, SEEK_SET));
  COUNT(read(fd, bytes, 8));
  printf("%d %d %d\n", bytes[0], bytes[1], bytes[2]);
  sizes(fd);
  SAY(close(fd));
  FILE *f = fopen("f", "w+");
  COUNT(fprintf(f, "%s\n%d\n", "line", 2));
  COUNT(ftell(f));
  SAY(fseek(f, 2, SEEK_SET));
  COUNT(fgetc(f));
  COUNT(ungetc('q', f));
  COUNT(fgetc(f));
  SAY(fseek(f, -50, SEEK_CUR));
  SAY(fseek(f, 0, SEEK_END));
  HOLDS(fgetc(f) == EOF);
  HOLDS(feof(f) != 0);
  SAY(fclose(f));
  SAY(unlink("f"));
}
