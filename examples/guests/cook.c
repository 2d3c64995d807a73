/*
** cook.c -- an ordinary program that sleeps: it says what it does and takes its time.
**
**   cook DISH MS STEP...      each step takes so many milliseconds
**
** Built for WASI; it knows of no other program, nor of Lua.
*/
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void say(const char *text)
{
  (void)!write(1, text, strlen(text));
}

int main(int argc, char **argv)
{
  if (argc < 4) return 2;
  long ns = strtol(argv[2], NULL, 10) * 1000000;
  for (int k = 3; k < argc; k++) {
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    say(argv[1]);
    say(": ");
    say(argv[k]);
    say("\n");
    nanosleep(&t, NULL);
  }
  say(argv[1]);
  say(" is ready\n");
  return 0;
}
