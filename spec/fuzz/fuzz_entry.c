/*
** fuzz_entry.c -- libFuzzer on the reader of cache entries and of snapshots.
**
** The check of what the fuzzer made is computed anew, so that everything behind it is
** reached. What is read is never executed.
** Layer: spec.
*/
#include <stdlib.h>
#include <string.h>

#include "cache/entry.h"
#include "rt/snapshot.h"
#include "rt/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* f(x) = g(x) + 1, g(x) = x * 3, a memory, a table, a global */
static const uint8_t module[] = "\0asm\1\0\0\0\1\6\1\x60\1\x7f\1\x7f\3\3\2\0\0\4\4\1\x70"
                                "\0\2\5\3\1\0\1\6\6\1\x7f\1\x41\5\x0b"
                                "\7\5\1\1f\0\0\x09\7\1\0\x41\0\x0b\1\1\x0a\x13\2\x09\0"
                                "\x20\0\x10\1\x41\1\x6a\x0b\7\0\x20\0\x41"
                                "\3\x6c\x0b";

typedef struct Input {
  const uint8_t *at;
  size_t size, done;
} Input;

static bool read_input(void *user, void *to, size_t size)
{
  Input *in = user;
  if (size > in->size - in->done) return false;
  memcpy(to, in->at + in->done, size);
  in->done += size;
  return true;
}

static Code *code;
static Store *store;

static void begin(void)
{
  CodeOptions opts = {0};
  CodeHow how;
  Err err = {0};
  store = lw_store_new(&err);
  Status s = lw_code_compile(module, sizeof module - 1, &opts, NULL, &code, &how, &err);
  if (!store || s != LW_OK) abort();
}

static void try_entry(const uint8_t *bytes, size_t size)
{
  EntryHeader header;
  Image image;
  Input in = {bytes, size, 0};
  EntrySource from = {read_input, &in, size};
  if (lw_entry_read(&from, code, false, &image) == ENTRY_OK) lw_image_free(&image);
  in.done = 0;
  (void)lw_entry_verify(&from, &header);
}

static void try_snapshot(const uint8_t *bytes, size_t size)
{
  Snapshot *s;
  Instance *i;
  Err err = {.at = ERR_NOWHERE};
  if (lw_snapshot_read(store, code, bytes, size, &s, &err) != LW_OK) return;
  if (lw_instance_new(store, code, NULL, NULL, &i, &err) == LW_OK) {
    (void)lw_snapshot_restore(s, i, &err);
    lw_instance_release(i);
  }
  lw_snapshot_free(s);
}

/* A whole entry of the module, which the fuzzer's bytes are laid over. */
static uint8_t *make_entry(size_t *size)
{
  const CodeImage *image;
  EntryParts parts;
  Err err = {0};
  if (lw_code_image(code, false, &image, &err) != LW_OK) abort();
  lw_entry_parts(code, false, &image->image, &parts);
  uint8_t *entry = malloc(parts.size), *p = entry;
  for (int k = 0; entry && k < ENTRY_PARTS; p += parts.part[k++].size)
    if (parts.part[k].size) memcpy(p, parts.part[k].at, parts.part[k].size);
  *size = parts.size;
  return entry;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static uint8_t *good;
  static size_t good_size;
  if (!code) {
    begin();
    good = make_entry(&good_size);
  }
  if (size < 4 || !good) return 0;
  uint16_t at, cut;
  memcpy(&at, data, 2);
  memcpy(&cut, data + 2, 2);
  data += 4, size -= 4;
  /* The fuzzer's bytes as they are, and as a patch of a good entry. */
  size_t whole = good_size - (cut % 8 == 0 ? cut / 8 % good_size : 0);
  size_t room = size > whole ? size : whole;
  uint8_t *entry = malloc(room + 1);
  if (!entry) return 0;
  memcpy(entry, data, size);
  lw_entry_mend(entry, size);
  try_entry(entry, size);
  memcpy(entry, good, whole);
  size_t from = whole ? at % whole : 0, n = size < whole - from ? size : whole - from;
  memcpy(entry + from, data, n);
  lw_entry_mend(entry, whole);
  try_entry(entry, whole);
  if (size > 8) {
    memcpy(entry, data, size);
    uint64_t check = lw_hash64(entry, size - 8);
    memcpy(entry + size - 8, &check, sizeof check);
    try_snapshot(entry, size);
  }
  free(entry);
  return 0;
}
