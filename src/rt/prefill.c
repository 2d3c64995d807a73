/*
** prefill.c -- an image of what a module's active data makes of memory 0.
** Layer: rt.
*/
#include "rt/prefill.h"

#include <assert.h>
#include <string.h>

#include "base/os.h"
#include "rt/memory.h"
#include "rt/reserve.h"
#include "wasm/constexpr.h"

#define WORTH_IT ((uint64_t)1 << 20)

/* Is the offset one constant, and all of the segment inside the memory's minimum? */
static bool fixed(const Module *m, const Data *d, uint64_t *at)
{
  Err err = {0};
  ConstOp first, last;
  Reader r = lw_constexpr_reader(m, d->offset, &err);
  if (lw_constexpr_next(&r, m->features, &first) != LW_OK) return false;
  if (first.op != OP_I32_CONST && first.op != OP_I64_CONST) return false;
  if (lw_constexpr_next(&r, m->features, &last) != LW_OK || last.op != OP_END)
    return false;
  uint64_t length = m->memories[0].min * WASM_PAGE;
  *at = first.bits;
  return *at <= length && d->bytes.size <= length - *at;
}

/* Bytes of data, and how far it reaches; false: not for us. */
static bool measure(const Module *m, uint64_t *bytes, uint64_t *end)
{
  *bytes = *end = 0;
  if (m->nmemories == 0 || m->nmemories_imported > 0) return false;
  if (lw_limits_checked(&m->memories[0]) || m->memories[0].shared) return false;
  if (m->memories[0].min > 65536) return false;
  for (uint32_t k = 0; k < m->ndatas; k++) {
    const Data *d = &m->datas[k];
    uint64_t at;
    if (d->mode != SEG_ACTIVE || d->memory != 0) continue;
    if (!fixed(m, d, &at)) return false;
    *bytes += d->bytes.size;
    if (d->bytes.size && at + d->bytes.size > *end) *end = at + d->bytes.size;
  }
  return *bytes >= WORTH_IT && *end <= 4 * *bytes; /* no image of mostly nothing */
}

int lw_prefill_make(const Module *m, size_t *size)
{
  uint64_t bytes, end, at;
  *size = 0;
  if (!measure(m, &bytes, &end)) return -1;
  void *view;
  size_t whole = lw_os_pages(end);
  assert(whole <= m->memories[0].min * WASM_PAGE);
  int image = lw_os_image_new(whole, &view);
  if (image < 0) return -1;
  for (uint32_t k = 0; k < m->ndatas; k++) {
    const Data *d = &m->datas[k];
    if (d->mode != SEG_ACTIVE || d->memory != 0 || !fixed(m, d, &at)) continue;
    assert(at + d->bytes.size <= whole || d->bytes.size == 0);
    if (d->bytes.size)
      memcpy((uint8_t *)view + at, m->bytes + d->bytes.at, d->bytes.size);
  }
  if (!lw_os_image_seal(image, view, whole)) {
    lw_os_image_free(image);
    return -1;
  }
  *size = whole;
  return image;
}

void lw_prefill_free(int image)
{
  lw_guard_forget(image);
  lw_os_image_free(image);
}
