/*
** glue.c -- zlib as a module: what examples/library.lua and examples/demo.lua call.
**
** In one piece: alloc, pack or unpack from memory to memory, release.
** As a stream: `deflate` and `inflate` are the blocking loops of zlib's own zpipe.c with
** fread and fwrite replaced by two host functions, so that Lua decides where bytes come
** from and go to, and may yield in either.
** Results below 0 are zlib's error codes (Z_DATA_ERROR is -3, Z_BUF_ERROR -5).
*/
#include "../guest.h"

#include <stdlib.h>
#include <zlib.h>

IMPORT(host, read) unsigned host_read(unsigned char *buffer, unsigned capacity);
IMPORT(host, write) void host_write(const unsigned char *bytes, unsigned count);

EXPORT(alloc) void *alloc(size_t size)
{
  return malloc(size);
}

EXPORT(release) void release(void *p)
{
  free(p);
}

EXPORT(version) const char *version(void)
{
  return zlibVersion();
}

EXPORT(crc32) uint32_t crc(const unsigned char *bytes, unsigned count)
{
  return (uint32_t)crc32(0, bytes, count);
}

/* Room that `pack` needs at most for `count` bytes. */
EXPORT(bound) unsigned bound(unsigned count)
{
  return (unsigned)compressBound(count);
}

/* Compressed size, or an error code. Levels 1 (fast) to 9 (small). */
EXPORT(pack)
int pack(unsigned char *to, unsigned capacity, const unsigned char *from, unsigned count,
         int level)
{
  uLongf size = capacity;
  int status = compress2(to, &size, from, count, level);
  return status == Z_OK ? (int)size : status;
}

/* Size of what came out, or an error code. */
EXPORT(unpack)
int unpack(unsigned char *to, unsigned capacity, const unsigned char *from,
           unsigned count)
{
  uLongf size = capacity;
  int status = uncompress(to, &size, from, count);
  return status == Z_OK ? (int)size : status;
}

enum { CHUNK = 4096 };

/* Compress everything that `read` gives; 0 or an error code. */
EXPORT(deflate) int deflate_stream(int level)
{
  unsigned char in[CHUNK], out[CHUNK];
  z_stream stream = {0};
  int status = deflateInit(&stream, level), flush;
  if (status != Z_OK) return status;
  do {
    stream.avail_in = host_read(in, CHUNK);
    stream.next_in = in;
    flush = stream.avail_in == 0 ? Z_FINISH : Z_NO_FLUSH;
    do {
      stream.avail_out = CHUNK;
      stream.next_out = out;
      status = deflate(&stream, flush);
      if (stream.avail_out < CHUNK) host_write(out, CHUNK - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (flush != Z_FINISH);
  deflateEnd(&stream);
  return status == Z_STREAM_END ? Z_OK : status;
}

/* The way back; Z_DATA_ERROR when the stream is damaged or ends too early. */
EXPORT(inflate) int inflate_stream(void)
{
  unsigned char in[CHUNK], out[CHUNK];
  z_stream stream = {0};
  int status = inflateInit(&stream);
  while (status == Z_OK) {
    stream.avail_in = host_read(in, CHUNK);
    stream.next_in = in;
    if (stream.avail_in == 0) {
      status = Z_DATA_ERROR;
      break;
    }
    do {
      stream.avail_out = CHUNK;
      stream.next_out = out;
      status = inflate(&stream, Z_NO_FLUSH);
      if (status == Z_BUF_ERROR) status = Z_OK; /* no more progress with this input */
      if (stream.avail_out < CHUNK) host_write(out, CHUNK - stream.avail_out);
    } while (status == Z_OK && stream.avail_out == 0);
  }
  inflateEnd(&stream);
  return status == Z_STREAM_END ? Z_OK : status;
}
