/*
** edit.c -- see edit.h.
** Layer: spec.
*/
#include "edit.h"

#include <string.h>

#include "wasm/leb.h"

enum { SECTION_CODE = 10, HEADER = 8 };

static bool split_code(ModuleEdit *e, Reader *r)
{
  uint32_t count;
  if (lw_leb_u32(r, &count) != LW_OK || count > lw_reader_left(r)) return false;
  e->bodies = ARENA_ARR(e->arena, Bytes, count + 1);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t size;
    const uint8_t *at;
    if (lw_leb_u32(r, &size) != LW_OK || lw_read_bytes(r, size, &at) != LW_OK)
      return false;
    uint8_t *copy = lw_arena_raw(e->arena, size + 1);
    memcpy(copy, at, size);
    e->bodies[e->nbodies++] = (Bytes){copy, size};
  }
  return true;
}

bool lw_edit_split(const uint8_t *bytes, size_t size, Arena *arena, ModuleEdit *out)
{
  *out = (ModuleEdit){.arena = arena, .code = -1};
  if (size < HEADER) return false;
  Err err = {0};
  Reader r = lw_reader(bytes, HEADER, size - HEADER, &err);
  out->parts = ARENA_ARR(arena, Part, size / 2 + 1);
  while (lw_reader_left(&r)) {
    uint8_t id;
    uint32_t n;
    const uint8_t *at;
    if (lw_read_byte(&r, &id) != LW_OK || lw_leb_u32(&r, &n) != LW_OK ||
        lw_read_bytes(&r, n, &at) != LW_OK)
      return false;
    uint8_t *copy = lw_arena_raw(arena, (size_t)n + 1);
    memcpy(copy, at, n);
    Part *p = &out->parts[out->nparts++];
    *p = (Part){
      id, {copy, n}
    };
    if (id == SECTION_CODE && out->code < 0) {
      out->code = (int)out->nparts - 1;
      Reader code = lw_reader(copy, 0, n, &err);
      if (!split_code(out, &code)) return false;
    }
  }
  return true;
}

size_t lw_edit_leb(uint8_t *p, uint64_t v)
{
  size_t n = 0;
  do {
    p[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
    v >>= 7;
  } while (v);
  return n;
}

size_t lw_edit_sleb(uint8_t *p, int64_t v)
{
  for (size_t n = 0;; n++) {
    uint8_t byte = v & 0x7f;
    v >>= 7;
    bool last = (v == 0 && !(byte & 0x40)) || (v == -1 && (byte & 0x40));
    p[n] = (uint8_t)(byte | (last ? 0 : 0x80));
    if (last) return n + 1;
  }
}

static uint8_t *put(uint8_t *p, const void *bytes, size_t n)
{
  if (n) memcpy(p, bytes, n);
  return p + n;
}

static Bytes join_code(const ModuleEdit *e)
{
  size_t room = 10;
  for (uint32_t i = 0; i < e->nbodies; i++)
    room += e->bodies[i].size + 10;
  uint8_t *at = lw_arena_raw(e->arena, room), *p = at;
  p += lw_edit_leb(p, e->nbodies);
  for (uint32_t i = 0; i < e->nbodies; i++) {
    p += lw_edit_leb(p, e->bodies[i].size);
    p = put(p, e->bodies[i].at, e->bodies[i].size);
  }
  return (Bytes){at, (size_t)(p - at)};
}

Bytes lw_edit_join(const ModuleEdit *e)
{
  Bytes code = e->code >= 0 ? join_code(e) : (Bytes){0};
  size_t room = HEADER + code.size + 16;
  for (uint32_t i = 0; i < e->nparts; i++)
    room += e->parts[i].bytes.size + 16;
  uint8_t *at = lw_arena_raw(e->arena, room), *p = at;
  p = put(p, "\0asm\1\0\0\0", HEADER);
  for (uint32_t i = 0; i < e->nparts; i++) {
    Bytes b = (int)i == e->code ? code : e->parts[i].bytes;
    *p++ = e->parts[i].id;
    p += lw_edit_leb(p, b.size);
    p = put(p, b.at, b.size);
  }
  return (Bytes){at, (size_t)(p - at)};
}

Bytes lw_edit_splice(Arena *arena, Bytes b, size_t from, size_t to, const uint8_t *with,
                     size_t n)
{
  size_t size = b.size - (to - from) + n;
  uint8_t *at = lw_arena_raw(arena, size + 1), *p = at;
  p = put(p, b.at, from);
  p = put(p, with, n);
  put(p, b.at + to, b.size - to);
  return (Bytes){at, size};
}
