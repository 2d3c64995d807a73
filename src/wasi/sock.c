/*
** sock.c -- the calls of sockets. There are no sockets yet: nothing grants one.
** Layer: wasi.
*/
#include "wasi/call.h"

static Errno no_socket(const Call *c)
{
  return lw_fd_get(c->w, arg32(c, 0)) ? WASI_NOTSOCK : WASI_BADF;
}

Errno lw_call_sock_accept(Call *c)
{
  return no_socket(c);
}

Errno lw_call_sock_recv(Call *c)
{
  return no_socket(c);
}

Errno lw_call_sock_send(Call *c)
{
  return no_socket(c);
}

Errno lw_call_sock_shutdown(Call *c)
{
  return no_socket(c);
}
