/*
** count.c -- an ordinary program: counts lines and words of files, or of its input.
**
**   count [-o REPORT] [FILE...]      ends with 1 when a file cannot be read
**
** Built for WASI; nothing in it knows of Lua.
*/
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void count(FILE *in, const char *name, FILE *out)
{
  int c, before = ' ', lines = 0, words = 0;
  while ((c = getc(in)) != EOF) {
    lines += c == '\n';
    words += strchr(" \n\t", before) && !strchr(" \n\t", c);
    before = c;
  }
  fprintf(out, "%6d lines %6d words  %s\n", lines, words, name);
}

int main(int argc, char **argv)
{
  FILE *out = stdout;
  int first = 1, failed = 0;
  if (argc > 2 && strcmp(argv[1], "-o") == 0) {
    out = fopen(argv[2], "w");
    first = 3;
    if (!out) {
      fprintf(stderr, "%s: %s: %s\n", argv[0], argv[2], strerror(errno));
      return 2;
    }
  }
  if (first == argc) count(stdin, "(input)", out);
  for (int n = first; n < argc; n++) {
    FILE *in = fopen(argv[n], "r");
    if (in) {
      count(in, argv[n], out);
      fclose(in);
    } else {
      fprintf(stderr, "%s: %s: %s\n", argv[0], argv[n], strerror(errno));
      failed = 1;
    }
  }
  return failed;
}
