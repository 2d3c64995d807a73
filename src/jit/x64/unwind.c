/*
** unwind.c -- x86-64: frames of rbp, and how debuggers are told of them.
**
** Callee-saved registers are not described: where outer frames have them, the stub that
** entered says (stubs.S).
** Layer: jit.
*/
#include "jit/unwind.h"

#include <assert.h>
#include <elf.h>
#include <string.h>

const uint16_t lw_elf_machine = EM_X86_64;

/* DWARF 4, section 6.4.2, and its numbers of registers */
enum {
  CFA_ADVANCE = 0x40, /* | bytes */
  CFA_OFFSET = 0x80,  /* | register; uleb: how many times 8 below the CFA */
  CFA_DEF_CFA = 0x0c,
  CFA_DEF_CFA_REGISTER = 0x0d,
  CFA_DEF_CFA_OFFSET = 0x0e,
  DWARF_RBP = 6,
  DWARF_RSP = 7,
  DWARF_RIP = 16,
  ADDRESSES_ARE_ABSOLUTE = 0,
  MINUS_8 = 0x78, /* sleb */
};

static void put(Str *s, const void *bytes, size_t n)
{
  lw_str_add(s, bytes, n);
}

/* An entry's body behind its length, filled up with no-operations. */
static void put_entry(Str *s, const uint8_t *body, size_t n)
{
  static const uint8_t nops[8];
  uint32_t padded = (uint32_t)((4 + n + 7) & ~(size_t)7) - 4;
  put(s, &padded, sizeof padded);
  put(s, body, n);
  put(s, nops, padded - n);
}

void lw_unwind_begin(Str *s)
{
  /* clang-format off */
  static const uint8_t common[] = {
    0, 0, 0, 0, 1, 'z', 'R', 0, 1, MINUS_8, DWARF_RIP, 1, ADDRESSES_ARE_ABSOLUTE,
    CFA_DEF_CFA, DWARF_RSP, 8, CFA_OFFSET | DWARF_RIP, 1,
  };
  /* clang-format on */
  assert(s->len == 0);
  put_entry(s, common, sizeof common);
}

void lw_unwind_func(Str *s, const uint8_t *text, size_t size)
{
  static const uint8_t prologue[] = {0x55, 0x48, 0x8b, 0xec}; /* push rbp; mov rbp, rsp */
  static const uint8_t frame[] = {
    CFA_ADVANCE | 1, CFA_DEF_CFA_OFFSET,   16,       CFA_OFFSET | DWARF_RBP, 2,
    CFA_ADVANCE | 3, CFA_DEF_CFA_REGISTER, DWARF_RBP};
  uint8_t body[4 + 8 + 8 + 1 + sizeof frame];
  uint32_t to_common = (uint32_t)s->len + 4; /* back from this very field */
  uint64_t at = (uintptr_t)text, range = size;
  memcpy(body, &to_common, 4);
  memcpy(body + 4, &at, 8);
  memcpy(body + 12, &range, 8);
  body[20] = 0; /* no augmentation */
  size_t n = 21;
  if (size >= sizeof prologue && memcmp(text, prologue, sizeof prologue) == 0) {
    memcpy(body + n, frame, sizeof frame);
    n += sizeof frame;
  }
  put_entry(s, body, n);
}

void lw_unwind_end(Str *s)
{
  put(s, &(uint32_t){0}, 4);
}
