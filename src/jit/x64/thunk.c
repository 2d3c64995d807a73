/*
** thunk.c -- x86-64: jmp [rip + slot]; int3; int3; call [r14 + VMCTX_LAZY]; int3 x 4.
** Layer: jit.
*/
#include "jit/thunk.h"

#include <assert.h>
#include <string.h>

#include "jit/layout.h"

enum { JUMP = 6, COLD = 8, BACK = 12, FILLER = 0xcc };
_Static_assert(VMCTX_LAZY < 128, "a displacement of 8 bits");

void lw_thunks_write(uint8_t *text, const void **slots, uint32_t n)
{
  for (uint32_t k = 0; k < n; k++) {
    uint8_t *at = text + (size_t)k * THUNK_SIZE;
    intptr_t distance = (intptr_t)&slots[k] - (intptr_t)(at + JUMP);
    assert(distance == (int32_t)distance);
    int32_t to_slot = (int32_t)distance;
    const uint8_t cold[] = {0x41, 0xff, 0x56, VMCTX_LAZY}; /* call [r14 + ...] */
    memset(at, FILLER, THUNK_SIZE);
    at[0] = 0xff; /* jmp [rip + ...] */
    at[1] = 0x25;
    memcpy(at + 2, &to_slot, sizeof to_slot);
    memcpy(at + COLD, cold, sizeof cold);
    slots[k] = at + COLD;
  }
}

uint32_t lw_thunk_index(const uint8_t *text, const void *back)
{
  size_t at = (size_t)((const uint8_t *)back - text);
  assert(at % THUNK_SIZE == BACK);
  return (uint32_t)(at / THUNK_SIZE);
}

void lw_thunk_aim(uint8_t *field, const uint8_t *at, const uint8_t *callee)
{
  intptr_t distance = (intptr_t)callee - (intptr_t)(at + 4);
  assert(distance == (int32_t)distance);
  int32_t relative = (int32_t)distance;
  memcpy(field, &relative, sizeof relative);
}
