/*
** entry.c -- entries, both ways.
** Layer: cache.
*/
#include "cache/entry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/os.h"
#include "cache/build_id.h"

static const char magic[8] = {'w', 'a', 's', 'm', 'c', 'o', 'd', 'e'};
static const uint8_t build_id[32] = BUILD_ID;

enum { CHECK_SIZE = 16, BUFFER = 256 << 10, TEXT_ALIGN = 16 };
#define MODULE_MAX ((uint64_t)1 << 32)
#define TEXT_MAX   ((uint64_t)INT32_MAX)

_Static_assert(sizeof(EntryHeader) == 8 + 4 + 4 + 32 + 6 * 8 + 8 + ENTRY_COUNTERS * 8,
               "no padding, which would not be the same each time");
_Static_assert(sizeof(LineEntry) == 8, "stored as it is");
_Static_assert(sizeof(bool) == 1, "stored as it is");

EntryKey lw_entry_key(Hash128 bytes, uint64_t size, const CodeOptions *opts,
                      bool explicit_bounds)
{
  struct {
    uint64_t low, high, size, features, cpu;
    uint8_t build[32];
    uint32_t version;
    uint8_t explicit_bounds, effort, fuel, unused;
  } all = {bytes.low,
           bytes.high,
           size,
           opts->features,
           lw_cpu_features(),
           {0},
           ENTRY_VERSION,
           explicit_bounds,
           opts->effort,
           opts->fuel,
           0};
  _Static_assert(sizeof all == 5 * 8 + 32 + 8, "no padding");
  memcpy(all.build, build_id, sizeof build_id);
  EntryKey key;
  lw_hash_text(lw_hash128(&all, sizeof all), key.text);
  return key;
}

/* ---- writing ---- */

static void count_out(const CompileStats *s, uint64_t to[ENTRY_COUNTERS])
{
  const uint64_t all[ENTRY_COUNTERS] = {
    s->code_bytes, s->wasm_bytes,   s->ir_instructions, s->spills,   s->reloads,
    s->moves,      s->peak_scratch, s->largest_body,    s->fallbacks};
  memcpy(to, all, sizeof all);
}

static CompileStats count_in(const uint64_t from[ENTRY_COUNTERS])
{
  return (CompileStats){.code_bytes = from[0],
                        .wasm_bytes = from[1],
                        .ir_instructions = from[2],
                        .spills = from[3],
                        .reloads = from[4],
                        .moves = from[5],
                        .peak_scratch = from[6],
                        .largest_body = (uint32_t)from[7],
                        .fallbacks = from[8]};
}

static size_t padding(uint32_t nfuncs)
{
  return (4 - nfuncs % 4) % 4;
}

void lw_entry_parts(const Code *c, bool explicit_bounds, const Image *image,
                    EntryParts *out)
{
  const Module *m = lw_code_module(c);
  Hash128 hash = lw_code_hash(c);
  const CodeOptions *opts = lw_code_options(c);
  *out = (EntryParts){
    .header = {.version = ENTRY_VERSION,
               .explicit_bounds = explicit_bounds,
               .effort = opts->effort,
               .fuel = opts->fuel,
               .features = opts->features,
               .cpu = lw_cpu_features(),
               .hash = {hash.low, hash.high},
               .module_size = m->size,
               .text_size = image->text_size,
               .nfuncs = image->nfuncs,
               .nlines = image->nlines}
  };
  memcpy(out->header.magic, magic, sizeof magic);
  memcpy(out->header.build, build_id, sizeof build_id);
  count_out(&image->stats, out->header.counters);
  const struct {
    const void *at;
    size_t size;
  } parts[ENTRY_PARTS] = {
    {&out->header,     sizeof out->header                                  },
    {m->bytes,         m->size                                             },
    {image->text,      image->text_size                                    },
    {image->func_at,   ((size_t)image->nfuncs + 1) * sizeof *image->func_at},
    {image->saves_ctx, image->nfuncs                                       },
    {out->pad,         padding(image->nfuncs)                              },
    {image->lines,     image->nlines * sizeof *image->lines                },
  };
  HashStream hash_of;
  lw_hash_begin(&hash_of);
  for (int k = 0; k < ENTRY_PARTS; k++) {
    out->part[k].at = parts[k].at;
    out->part[k].size = parts[k].size;
    out->size += parts[k].size;
    if (k != 1 && parts[k].size) lw_hash_add(&hash_of, parts[k].at, parts[k].size);
  }
  Hash128 check = lw_hash_end(&hash_of);
  out->check[0] = check.low;
  out->check[1] = check.high;
  out->size += CHECK_SIZE;
}

/* ---- reading ---- */

typedef struct Reading {
  HashStream hash;
  EntryHeader header;
  const EntrySource *from;
  uint8_t *text;
  Image image; /* text not yet published */
} Reading;

static bool get(Reading *r, void *to, size_t size)
{
  return size == 0 || r->from->read(r->from->user, to, size);
}

static bool get_hashed(Reading *r, void *to, size_t size)
{
  if (!get(r, to, size)) return false;
  if (size) lw_hash_add(&r->hash, to, size);
  return true;
}

/* Is the entry as long as its header says? Everything is ranged before it is added. */
static bool is_whole(const EntryHeader *h, uint64_t size)
{
  if (h->module_size > MODULE_MAX || h->text_size > TEXT_MAX) return false;
  uint64_t tables = ((uint64_t)h->nfuncs + 1) * sizeof(uint32_t) + h->nfuncs +
                    padding(h->nfuncs) + (uint64_t)h->nlines * sizeof(LineEntry);
  return size == sizeof *h + h->module_size + h->text_size + tables + CHECK_SIZE;
}

static EntryVerdict read_header(Reading *r)
{
  EntryHeader *h = &r->header;
  lw_hash_begin(&r->hash);
  if (r->from->size < sizeof *h || !get_hashed(r, h, sizeof *h)) return ENTRY_DAMAGED;
  if (memcmp(h->magic, magic, sizeof magic) != 0) return ENTRY_DAMAGED;
  if (h->version != ENTRY_VERSION) return ENTRY_OTHER;
  if (memcmp(h->build, build_id, sizeof build_id) != 0) return ENTRY_OTHER;
  if (h->cpu != lw_cpu_features()) return ENTRY_OTHER;
  return is_whole(h, r->from->size) ? ENTRY_OK : ENTRY_DAMAGED;
}

static bool is_for(const EntryHeader *h, const Code *c, bool explicit_bounds)
{
  const CodeOptions *opts = lw_code_options(c);
  const Module *m = lw_code_module(c);
  Hash128 hash = lw_code_hash(c);
  return h->explicit_bounds == explicit_bounds && h->effort == opts->effort &&
         h->fuel == opts->fuel && h->features == opts->features &&
         h->module_size == m->size && h->hash[0] == hash.low && h->hash[1] == hash.high &&
         h->nfuncs == m->nfuncs - m->nfuncs_imported;
}

/* The module bytes, through a buffer: equal to `wanted`, or of the hash they should have.
 */
static EntryVerdict read_module(Reading *r, const uint8_t *wanted)
{
  HashStream hash;
  uint8_t *buffer = malloc(BUFFER);
  if (!buffer) return ENTRY_NOMEM;
  EntryVerdict v = ENTRY_OK;
  lw_hash_begin(&hash);
  for (uint64_t done = 0; v == ENTRY_OK && done < r->header.module_size;) {
    uint64_t left = r->header.module_size - done;
    size_t n = left < BUFFER ? (size_t)left : BUFFER;
    if (!get(r, buffer, n))
      v = ENTRY_DAMAGED;
    else if (!wanted)
      lw_hash_add(&hash, buffer, n);
    else if (memcmp(buffer, wanted + done, n) != 0)
      v = ENTRY_OTHER;
    done += n;
  }
  free(buffer);
  if (v != ENTRY_OK || wanted) return v;
  Hash128 h = lw_hash_end(&hash);
  bool same = h.low == r->header.hash[0] && h.high == r->header.hash[1];
  return same ? ENTRY_OK : ENTRY_DAMAGED;
}

/* malloc, but what is large has large pages: a third of the faults of a large entry. */
static void *room_for(size_t size)
{
  uint8_t *p = malloc(size ? size : 1);
  size_t page = lw_os_page_size(), skip = -(uintptr_t)p & (page - 1);
  if (p && size > 2 * page) lw_os_large_pages(p + skip, (size - skip) / page * page);
  return p;
}

static EntryVerdict read_image(Reading *r)
{
  const EntryHeader *h = &r->header;
  Image *image = &r->image;
  size_t nfuncs = h->nfuncs, lines = h->nlines * sizeof *image->lines;
  uint8_t pad[4];
  r->text = h->text_size ? lw_os_text_alloc(h->text_size) : NULL;
  image->func_at = malloc((nfuncs + 1) * sizeof *image->func_at);
  image->saves_ctx = malloc(nfuncs + 1);
  image->lines = room_for(lines);
  if ((h->text_size && !r->text) || !image->func_at || !image->saves_ctx || !image->lines)
    return ENTRY_NOMEM;
  if (!get_hashed(r, r->text, h->text_size) ||
      !get_hashed(r, image->func_at, (nfuncs + 1) * sizeof *image->func_at) ||
      !get_hashed(r, image->saves_ctx, nfuncs) ||
      !get_hashed(r, pad, padding(h->nfuncs)) || !get_hashed(r, image->lines, lines))
    return ENTRY_DAMAGED;
  uint64_t check[2];
  if (!get(r, check, sizeof check)) return ENTRY_DAMAGED;
  Hash128 is = lw_hash_end(&r->hash);
  image->nfuncs = h->nfuncs;
  image->nlines = h->nlines;
  image->stats = count_in(h->counters);
  return check[0] == is.low && check[1] == is.high ? ENTRY_OK : ENTRY_DAMAGED;
}

/* Is every number in range of what it is an index into? */
static bool makes_sense(const Reading *r)
{
  const Image *image = &r->image;
  uint64_t text = r->header.text_size;
  for (uint32_t n = 0; n < image->nfuncs; n++) {
    uint32_t at = image->func_at[n];
    if (at % TEXT_ALIGN || at >= text || (n > 0 && at <= image->func_at[n - 1]))
      return false;
    uint8_t flag;
    memcpy(&flag, &image->saves_ctx[n], 1);
    if (flag > 1) return false;
  }
  if (image->nfuncs && image->func_at[0] != 0) return false;
  if (image->func_at[image->nfuncs] != text) return false;
  if ((image->nfuncs == 0) != (text == 0)) return false;
  for (uint32_t n = 0; n < image->nlines; n++) {
    const LineEntry *line = &image->lines[n];
    bool inlined = (line->where & LINE_INLINED) != 0;
    uint32_t where = line->where & ~LINE_INLINED;
    if (line->pc > text || where >= r->header.module_size) return false;
    if (n > 0 && line->pc < image->lines[n - 1].pc) return false;
    if (inlined && (n == 0 || line->pc != image->lines[n - 1].pc)) return false;
  }
  return true;
}

static void drop(Reading *r)
{
  if (r->text) lw_os_text_free(r->text, r->header.text_size);
  free(r->image.func_at);
  free(r->image.saves_ctx);
  free(r->image.lines);
}

static EntryVerdict read_rest(Reading *r, const uint8_t *wanted)
{
  EntryVerdict v = read_module(r, wanted);
  if (v == ENTRY_OK) v = read_image(r);
  if (v == ENTRY_OK && !makes_sense(r)) v = ENTRY_DAMAGED;
  return v;
}

EntryVerdict lw_entry_read(const EntrySource *from, const Code *c, bool explicit_bounds,
                           Image *image)
{
  Reading r = {.from = from};
  EntryVerdict v = read_header(&r);
  if (v == ENTRY_OK && !is_for(&r.header, c, explicit_bounds)) v = ENTRY_OTHER;
  if (v == ENTRY_OK) v = read_rest(&r, lw_code_module(c)->bytes);
  if (v == ENTRY_OK && r.text && !lw_os_text_publish(r.text, r.header.text_size))
    v = ENTRY_NOMEM;
  if (v != ENTRY_OK) {
    drop(&r);
    return v;
  }
  r.image.text = r.text;
  r.image.text_size = r.header.text_size;
  *image = r.image;
  return ENTRY_OK;
}

EntryVerdict lw_entry_verify(const EntrySource *from, EntryHeader *header)
{
  Reading r = {.from = from};
  EntryVerdict v = read_header(&r);
  if (v == ENTRY_OK) v = read_rest(&r, NULL);
  *header = r.header;
  drop(&r);
  return v;
}

bool lw_entry_mend(uint8_t *entry, size_t size)
{
  EntryHeader h;
  if (size < sizeof h + CHECK_SIZE) return false;
  memcpy(&h, entry, sizeof h);
  uint64_t rest = size - sizeof h - CHECK_SIZE;
  if (h.module_size > rest) return false;
  Hash128 module = lw_hash128(entry + sizeof h, (size_t)h.module_size);
  h.hash[0] = module.low;
  h.hash[1] = module.high;
  memcpy(entry, &h, sizeof h);
  HashStream hash;
  lw_hash_begin(&hash);
  lw_hash_add(&hash, entry, sizeof h);
  size_t after = sizeof h + (size_t)h.module_size;
  lw_hash_add(&hash, entry + after, size - CHECK_SIZE - after);
  Hash128 is = lw_hash_end(&hash);
  uint64_t check[2] = {is.low, is.high};
  memcpy(entry + size - CHECK_SIZE, check, sizeof check);
  return true;
}
