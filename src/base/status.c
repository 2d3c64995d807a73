/*
** status.c -- the table of failure kinds and the one place messages are made.
** Layer: base.
*/
#include "base/status.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const status_text[] = {
#define LW_TEXT(kind, text) text,
  LW_STATUS_LIST(LW_TEXT)
#undef LW_TEXT
};

_Static_assert(sizeof status_text / sizeof *status_text == LW_STATUS__MAX,
               "every Status has a text");

const char *lw_status_text(Status s)
{
  assert(s < LW_STATUS__MAX);
  return status_text[s];
}

Status lw_fail(Err *err, Status s, uint64_t at, const char *fmt, ...)
{
  assert(s != LW_OK && "a failure needs a kind");
  if (err->msg[0] == '\0') {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    err->at = at;
  }
  return s;
}

Status lw_nomem(Err *err, const char *what)
{
  return lw_fail(err, LW_NOMEM, ERR_NOWHERE, "out of memory for %s", what);
}
