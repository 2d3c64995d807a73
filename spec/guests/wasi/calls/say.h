/*
** say.h -- programs that call POSIX and say what came of it, one line for each call.
**
** Built for WASI and for the host, both must print the same: so errors are said by their
** symbol, and nothing that is the system's own choice (numbers of descriptors and of
** inodes, times) is printed, only what must be true of it.
*/
#ifndef SAY_H
#define SAY_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The call's own text, then "ok" or the error. */
#define SAY(call) said(#call, (call) < 0 ? errno : 0)
/* The same for those that return the error. */
#define SAY_ERROR(call) said(#call, (call))
/* The call's own text, then its result or the error. */
#define COUNT(call) counted(#call, (long long)(call))
/* What must be true. */
#define HOLDS(condition) printf("%s: %s\n", #condition, (condition) ? "yes" : "no")

void said(const char *what, int error);
void counted(const char *what, long long result);
const char *error_name(int error);
/* A file with this text. */
void make_file(const char *path, const char *text);
/* Type, size and names of what a path names. */
void describe(const char *path, bool follow);
/* The names in a directory, sorted. */
void list(const char *path);

/* The groups: main.c has their names. */
void files(int argc, char **argv);
void positions(int argc, char **argv);
void paths(int argc, char **argv);
void directories(int argc, char **argv);
void renames(int argc, char **argv);
void links(int argc, char **argv);
void times(int argc, char **argv);
void clocks(int argc, char **argv);
void polls(int argc, char **argv);
void randoms(int argc, char **argv);
void arguments(int argc, char **argv);
void standard(int argc, char **argv);
void leaves(int argc, char **argv);
void sockets(int argc, char **argv);
void bare(int argc, char **argv);

#endif
