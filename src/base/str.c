/*
** str.c -- see str.h.
** Layer: base.
*/
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool room(Str *s, size_t more)
{
  if (s->failed) return false;
  if (more < s->cap - s->len) return true;
  size_t cap = s->cap ? s->cap : 256;
  while (cap - s->len <= more) {
    if (cap > (size_t)-1 / 2) return !(s->failed = true);
    cap *= 2;
  }
  char *text = realloc(s->text, cap);
  if (!text) return !(s->failed = true);
  s->text = text;
  s->cap = cap;
  return true;
}

void lw_str_add(Str *s, const char *bytes, size_t n)
{
  if (!room(s, n)) return;
  memcpy(s->text + s->len, bytes, n);
  s->len += n;
  s->text[s->len] = '\0';
}

void lw_str_fmt(Str *s, const char *fmt, ...)
{
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  if (n < 0)
    s->failed = true;
  else if (room(s, (size_t)n))
    s->len += (size_t)vsnprintf(s->text + s->len, (size_t)n + 1, fmt, again);
  va_end(again);
}

void lw_str_free(Str *s)
{
  free(s->text);
  *s = (Str){0};
}
