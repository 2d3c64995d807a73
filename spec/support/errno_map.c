/*
** errno_map.c -- what number of WASI each of the system's errors becomes.
**
** A line for each number from 0 to 140: the system's number, WASI's, the names that the
** system's headers have for it.
** Layer: spec.
*/
#include <errno.h>
#include <stdio.h>

#include "wasi/errno.h"

#define NAME(error)                                                                      \
  {                                                                                      \
    error, #error                                                                        \
  }
static const struct {
  int number;
  const char *name;
} names[] = {
  NAME(E2BIG),        NAME(EACCES),       NAME(EADDRINUSE),      NAME(EADDRNOTAVAIL),
  NAME(EAFNOSUPPORT), NAME(EAGAIN),       NAME(EALREADY),        NAME(EBADF),
  NAME(EBADMSG),      NAME(EBUSY),        NAME(ECANCELED),       NAME(ECHILD),
  NAME(ECONNABORTED), NAME(ECONNREFUSED), NAME(ECONNRESET),      NAME(EDEADLK),
  NAME(EDESTADDRREQ), NAME(EDOM),         NAME(EDQUOT),          NAME(EEXIST),
  NAME(EFAULT),       NAME(EFBIG),        NAME(EHOSTUNREACH),    NAME(EIDRM),
  NAME(EILSEQ),       NAME(EINPROGRESS),  NAME(EINTR),           NAME(EINVAL),
  NAME(EIO),          NAME(EISCONN),      NAME(EISDIR),          NAME(ELOOP),
  NAME(EMFILE),       NAME(EMLINK),       NAME(EMSGSIZE),        NAME(EMULTIHOP),
  NAME(ENAMETOOLONG), NAME(ENETDOWN),     NAME(ENETRESET),       NAME(ENETUNREACH),
  NAME(ENFILE),       NAME(ENOBUFS),      NAME(ENODEV),          NAME(ENOENT),
  NAME(ENOEXEC),      NAME(ENOLCK),       NAME(ENOLINK),         NAME(ENOMEM),
  NAME(ENOMSG),       NAME(ENOPROTOOPT),  NAME(ENOSPC),          NAME(ENOSYS),
  NAME(ENOTCONN),     NAME(ENOTDIR),      NAME(ENOTEMPTY),       NAME(ENOTRECOVERABLE),
  NAME(ENOTSOCK),     NAME(ENOTSUP),      NAME(ENOTTY),          NAME(ENXIO),
  NAME(EOPNOTSUPP),   NAME(EOVERFLOW),    NAME(EOWNERDEAD),      NAME(EPERM),
  NAME(EPIPE),        NAME(EPROTO),       NAME(EPROTONOSUPPORT), NAME(EPROTOTYPE),
  NAME(ERANGE),       NAME(EROFS),        NAME(ESPIPE),          NAME(ESRCH),
  NAME(ESTALE),       NAME(ETIMEDOUT),    NAME(ETXTBSY),         NAME(EWOULDBLOCK),
  NAME(EXDEV),
};

int main(void)
{
  for (int number = 0; number <= 140; number++) {
    printf("%d %d", number, (int)lw_errno_of(number));
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
      if (names[n].number == number) printf(" %s", names[n].name);
    printf("\n");
  }
  return 0;
}
