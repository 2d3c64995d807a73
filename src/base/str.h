/*
** str.h -- a text that grows: dumps and reports.
**
** Invariant: `text` is zero-terminated once anything was added; after a failed
** allocation `failed` is set and further additions do nothing, so callers check once.
** Layer: base.
*/
#ifndef LW_STR_H
#define LW_STR_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Str {
  char *text; /* malloc'ed; may be NULL while empty */
  size_t len, cap;
  bool failed;
} Str;

void lw_str_add(Str *s, const char *bytes, size_t n);
void lw_str_fmt(Str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lw_str_free(Str *s);

#endif
