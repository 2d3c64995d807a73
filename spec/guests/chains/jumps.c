/*
** jumps.c -- setjmp and longjmp: out of many frames, with values, nested, and again and
** again to the same place.
*/
#include <setjmp.h>

#include "chain.h"

static jmp_buf outer, inner;
static uint32_t trail;

static void mark(uint32_t what)
{
  trail = mix(trail, what);
}

NOINLINE static void down(uint32_t depth, int value)
{
  volatile uint32_t frame[16] = {depth};
  if (depth == 0) longjmp(outer, value);
  down(depth - 1, value);
  mark(frame[depth % 16]); /* never */
}

/* From `n` frames below, five times with different values. */
EXPORT(frames)
{
  trail = n;
  volatile uint32_t tries = 0;
  int came = setjmp(outer);
  mark((uint32_t)came);
  tries++;
  if (tries < 6) down(n, (int)tries * 3);
  return mix(trail, tries);
}

NOINLINE static void inner_work(uint32_t i)
{
  int came = setjmp(inner);
  mark((uint32_t)came + 100);
  if (came == 0) {
    if (i % 3 == 0) longjmp(inner, (int)i + 1);
    if (i % 3 == 1) longjmp(outer, (int)i + 1);
  }
  mark(200);
}

/* A buffer of its own in each of two frames: the nearer, the farther, or none. */
EXPORT(nested)
{
  trail = n;
  for (volatile uint32_t i = 0; i < n; i++) {
    int came = setjmp(outer);
    if (came == 0) {
      inner_work(i);
      mark(1);
    } else {
      mark((uint32_t)came);
    }
  }
  return trail;
}

/* A small parser of sums and products; a mistake jumps out of all its levels. */
static const char *at;
static jmp_buf mistake;
enum { NO_NUMBER = 1, NO_CLOSE, TOO_DEEP };

static uint32_t sum_of(int depth);

NOINLINE static uint32_t factor(int depth)
{
  if (depth > 20) longjmp(mistake, TOO_DEEP);
  if (*at == '(') {
    at++;
    uint32_t value = sum_of(depth + 1);
    if (*at++ != ')') longjmp(mistake, NO_CLOSE);
    return value;
  }
  if (*at < '0' || *at > '9') longjmp(mistake, NO_NUMBER);
  uint32_t value = 0;
  while (*at >= '0' && *at <= '9')
    value = value * 10 + (uint32_t)(*at++ - '0');
  return value;
}

NOINLINE static uint32_t product(int depth)
{
  uint32_t value = factor(depth);
  while (*at == '*') {
    at++;
    value *= factor(depth);
  }
  return value;
}

NOINLINE static uint32_t sum_of(int depth)
{
  uint32_t value = product(depth);
  while (*at == '+') {
    at++;
    value += product(depth);
  }
  return value;
}

EXPORT(parser)
{
  static char text[64];
  static const char letters[] = "0123456789+*()++**((((())))19";
  static uint32_t state;
  state = n + 1;
  trail = n;
  for (volatile uint32_t round = 0; round < n; round++) {
    int length = (int)(next_random(&state) % 60);
    for (int i = 0; i < length; i++)
      text[i] = letters[next_random(&state) % (sizeof letters - 1)];
    if (round % 4 == 0)
      for (int i = 0; i < length; i++)
        text[i] = i % 2 ? (next_random(&state) & 64 ? '+' : '*') : '7';
    if (round % 9 == 8)
      for (int i = 0; i < length; i++)
        text[i] = '(';
    text[length] = 0;
    at = text;
    int wrong = setjmp(mistake);
    if (wrong == 0)
      mark(sum_of(0));
    else
      mark((uint32_t)wrong * 1000 + (uint32_t)(at - text));
  }
  return trail;
}

/* Back to one place many times, from functions behind a pointer. */
static jmp_buf places[4];
static void to_first(uint32_t i)
{
  longjmp(places[0], (int)(i % 5 + 1));
}
static void to_own(uint32_t i)
{
  longjmp(places[i % 4], (int)(i % 7 + 1));
}
static void nowhere(uint32_t i)
{
  mark(i);
}
static void (*volatile ways[3])(uint32_t) = {to_first, to_own, nowhere};

EXPORT(places_kept)
{
  trail = n;
  volatile uint32_t i = 0;
  for (volatile int place = 0; place < 4; place++) {
    int came = setjmp(places[place]);
    mark((uint32_t)(came * 10 + place));
    while (i < n) {
      i++;
      ways[(i * 7 + i / 5) % 3](i % ((uint32_t)place + 1));
    }
  }
  return mix(trail, i);
}
