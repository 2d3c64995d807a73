/*
** stream.c -- stdin, stdout and stderr that are no files of the system: nothing, bytes
** kept here, or what the binding reads and writes.
** Layer: wasi.
*/
#include <assert.h>
#include <stdlib.h>

#include "wasi/call.h"

enum { ASK_MOST = 1 << 20 }; /* bytes in one question */

static Stream *stream_of(Wasi *w, const Desc *d)
{
  assert(d->stream < WASI_STREAMS);
  return &w->streams[d->stream];
}

static Errno stream_stat(Call *c, Desc *d, FileStat *out)
{
  (void)c;
  *out = (FileStat){.type = d->type, .nlink = 1};
  return WASI_SUCCESS;
}

uint64_t lw_scatter(const Iovecs *io, const char *from, size_t size)
{
  size_t done = 0;
  for (uint32_t k = 0; k < io->n && done < size; k++) {
    size_t n = io->v[k].iov_len < size - done ? io->v[k].iov_len : size - done;
    memcpy(io->v[k].iov_base, from + done, n);
    done += n;
  }
  return done;
}

/* Put what has come behind what is left: it may be more than the guest has room for, and
   other calls may have read meanwhile. */
static bool stdin_add(Stream *s, const char *from, size_t size)
{
  if (size == 0) return true;
  if (s->at == s->size) s->at = s->size = 0;
  if (size > s->cap - s->size) {
    size_t cap = s->size + size;
    char *bytes = realloc(s->bytes, cap);
    if (!bytes) return false;
    s->bytes = bytes;
    s->cap = cap;
  }
  memcpy(s->bytes + s->size, from, size);
  s->size += size;
  return true;
}

static Errno stream_read(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                         uint64_t *n)
{
  Stream *s = stream_of(c->w, d);
  const NativeAsk *answer = ask_of(c);
  bool asked = answered(c, ASK_READ);
  if (at) return WASI_SPIPE;
  *n = 0;
  if (io->total == 0) return WASI_SUCCESS;
  if (asked) {
    if (answer->failed) return WASI_IO;
    if (!stdin_add(s, answer->bytes, answer->size)) return WASI_NOMEM;
  }
  if (s->at < s->size) {
    *n = lw_scatter(io, s->bytes + s->at, s->size - s->at);
    s->at += *n;
    return WASI_SUCCESS;
  }
  if (s->kind != STREAM_ASK || asked) return WASI_SUCCESS;
  return ask(c, ASK_READ, d->stream, io->total < ASK_MOST ? io->total : ASK_MOST);
}

static bool stream_room(Wasi *w, Stream *s, uint64_t more)
{
  if (more <= s->cap - s->size) return true;
  uint64_t cap = s->size + more + s->size / 2;
  if (!lw_wasi_keep(w, cap - s->cap)) {
    cap = s->size + more;
    if (!lw_wasi_keep(w, cap - s->cap)) return false;
  }
  char *bytes = realloc(s->bytes, cap);
  if (!bytes) {
    lw_wasi_unkeep(w, cap - s->cap);
    return false;
  }
  s->bytes = bytes;
  s->cap = cap;
  return true;
}

static Errno stream_write(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                          uint64_t *n)
{
  Stream *s = stream_of(c->w, d);
  const NativeAsk *answer = ask_of(c);
  if (at) return WASI_SPIPE;
  *n = io->total;
  if (s->kind == STREAM_NOTHING || io->total == 0) return WASI_SUCCESS;
  if (s->kind == STREAM_BYTES) {
    if (!stream_room(c->w, s, io->total)) return WASI_NOSPC;
    for (uint32_t k = 0; k < io->n; k++) {
      memcpy(s->bytes + s->size, io->v[k].iov_base, io->v[k].iov_len);
      s->size += io->v[k].iov_len;
    }
    return WASI_SUCCESS;
  }
  /* After a question of lw_host_write's it is asked anew: the descriptor may be another
     file's by now. */
  if (!answered(c, ASK_WRITE))
    return ask(c, ASK_WRITE, d->stream, io->total < ASK_MOST ? io->total : ASK_MOST);
  if (answer->failed) return WASI_IO;
  if (answer->how == ANSWER_DESCRIPTOR)
    return lw_host_write(c, (int)answer->number, io, false, n);
  *n = answer->number < io->total ? answer->number : io->total;
  return WASI_SUCCESS;
}

size_t lw_wasi_gather(const Activation *a, void *to, size_t size)
{
  Value args[NATIVE_PARAMS];
  NativeCall native = {.memory = lw_act_memory(a), .args = args};
  Call c = {.native = &native};
  Iovecs io;
  size_t done = 0;
  lw_act_callout_args(a, args);
  if (lw_guest_iovecs(&c, arg32(&c, 1), arg32(&c, 2), &io) != WASI_SUCCESS) return 0;
  for (uint32_t k = 0; k < io.n && done < size; k++) {
    size_t n = io.v[k].iov_len < size - done ? io.v[k].iov_len : size - done;
    memcpy((char *)to + done, io.v[k].iov_base, n);
    done += n;
  }
  return done;
}

static Errno stream_flags(Call *c, Desc *d, unsigned flags)
{
  (void)c;
  if ((flags ^ d->flags) & ~(unsigned)FDFLAG_NONBLOCK) return WASI_NOTSUP;
  d->flags = (uint16_t)flags;
  return WASI_SUCCESS;
}

const Ops lw_ops_stream = {
  .stat = stream_stat,
  .read = stream_read,
  .write = stream_write,
  .set_flags = stream_flags,
};
