/*
** enc_forms.c -- every encoder in every operand form, with the text it must disassemble
** to.
**
** usage: enc_forms FILE     writes the bytes to FILE, and to stdout one line for each
**                           instruction: its offset, a tab, its text
** enc_spec.lua compares that with what a disassembler says of FILE.
** Layer: spec.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/x64/enc.h"

static Enc e;
static Arena arena;
static unsigned turn; /* walks through the registers */

typedef struct Row {
  XOp op;
  unsigned flags;
  const char *form, *text;
} Row;

#define W  XF_W
#define BR XF_BR
#define BM XF_BM
#define V3 (1u << 30) /* not in an XOp */
#define V2 (1u << 29)
static const Row rows[] = {
#define ENC(name, pfx, map, opcode, digit, flags, form, text)                            \
  {X_##name, flags, #form, text},
#include "jit/x64/enc.def"
};
#undef W
#undef BR
#undef BM
enum { NROWS = sizeof rows / sizeof *rows };

static const char *const names[16] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di",
                                      "8",  "9",  "10", "11", "12", "13", "14", "15"};
static const char *const ccs[16] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                    "s", "ns", "p", "np", "l", "ge", "le", "g"};

typedef enum { KIND_8, KIND_16, KIND_32, KIND_64, KIND_XMM } Kind;

/* Eight strings in turn, so that one printf may use several. */
enum { ROOM = 64 };
static char *room(void)
{
  static char bufs[8][ROOM];
  static unsigned next;
  return bufs[next++ & 7];
}

static const char *reg(unsigned r, Kind kind)
{
  static const char *const suffix[] = {"b", "w", "d", ""};
  char *s = room();
  if (kind == KIND_XMM)
    snprintf(s, ROOM, "xmm%u", r);
  else if (r >= 8)
    snprintf(s, ROOM, "r%s%s", names[r], suffix[kind]);
  else if (kind == KIND_8)
    snprintf(s, ROOM, r < 4 ? "%.1sl" : "%.2sl", names[r]);
  else
    snprintf(s, ROOM, "%s%s",
             kind == KIND_64   ? "r"
             : kind == KIND_32 ? "e"
                               : "",
             names[r]);
  return s;
}

static const char *mem(Mem m)
{
  char *s = room(), disp[16] = "";
  uint32_t u = m.disp < 0 ? 0u - (uint32_t)m.disp : (uint32_t)m.disp;
  if (m.disp != 0 || m.base == MEM_RIP || (m.base & 7) == RBP)
    snprintf(disp, sizeof disp, "%c0x%x", m.disp < 0 ? '-' : '+', u);
  const char *base = m.base == MEM_RIP ? "rip" : reg(m.base, KIND_64);
  if (m.index == MEM_NO_INDEX)
    snprintf(s, ROOM, "[%s%s]", base, disp);
  else
    snprintf(s, ROOM, "[%s+%s*%u%s]", base, reg(m.index, KIND_64), 1u << m.scale, disp);
  return s;
}

/* All ways to write a memory operand that differ in encoding. */
static uint32_t all_mems(Mem *out)
{
  static const int32_t disps[] = {0, 0x10, -0x80, 0x7f, 0x80, -0x12345};
  static const unsigned odd[] = {RAX, RSP, RBP, R8, R12, R13, R15};
  uint32_t n = 0;
  for (unsigned b = 0; b < 16; b++)
    for (unsigned d = 0; d < 6; d++)
      out[n++] = mem_at(b, disps[d]);
  for (unsigned b = 0; b < 7; b++)
    for (unsigned i = 0; i < 16; i++)
      if (i != RSP) out[n++] = mem_index(odd[b], i, (b + i) & 3, disps[(b + 2 * i) % 6]);
  out[n++] = mem_rip(0x1234);
  return n;
}

static uint32_t at; /* offset of the instruction at hand */

static void line(const char *text, const char *operands)
{
  if (at == e.size) abort(); /* nothing was written */
  printf("%x\t%s%s%s\n", at, text, *operands ? " " : "", operands);
  at = e.size;
}

/* Is it the form of an instruction for 16 bits? */
static bool is_half(const Row *row)
{
  switch (row->op) {
  case X_MOV_ST16:
  case X_XCHG16:
  case X_XADD16:
  case X_CMPXCHG16: return true;
  default: return false;
  }
}

/* What the operands of a row's register form are. */
static Kind reg_kind(const Row *row, int w)
{
  if (row->flags & XF_BR) return KIND_8;
  if (is_half(row)) return KIND_16;
  return w || row->flags & XF_W ? KIND_64 : KIND_32;
}

static Kind rm_kind(const Row *row, int w)
{
  if (row->flags & XF_BM) return KIND_8;
  if (is_half(row) || row->op == X_MOV_M16_H || row->op == X_MOVZX16 ||
      row->op == X_MOVSX16)
    return KIND_16;
  if (row->op == X_CALL_M || row->op == X_JMP_M) return KIND_64;
  return w ? KIND_64 : KIND_32;
}

static bool is(const Row *row, const char *form)
{
  return strcmp(row->form, form) == 0;
}

/* One instruction of `row`: r/m is register rm, or *m. */
static void one(const Row *row, int w, unsigned r, unsigned rm, const Mem *m, int32_t imm)
{
  char text[160];
  const char *name = row->text, *t = row->form;
  bool digit =
    is(row, "m") || is(row, "mb") || is(row, "md") || is(row, "xb") || is(row, "mh");
  bool vex =
    is(row, "rmv") || is(row, "rvm") || is(row, "vb") || is(row, "vx") || is(row, "vm");
  bool stores = is(row, "sx") || is(row, "sxb");
  bool byte_imm = t[strlen(t) - 1] == 'b', wide_imm = t[strlen(t) - 1] == 'd';
  bool half_imm = is(row, "mh");
  bool x_reg = *t == 'x' || is(row, "mx") || stores || is(row, "vx") || is(row, "vm");
  bool x_rm = is(row, "xm") || is(row, "xmb") || is(row, "xx") || is(row, "xxb") ||
              is(row, "rx") || is(row, "xb") || is(row, "vx");
  unsigned v = is(row, "rmv") || is(row, "rvm") || is(row, "vx") ? (r + 5) & 15 : 0;
  if (vex && m)
    lw_enc_vex_rm(&e, row->op, w, r, *m, v);
  else if (vex)
    lw_enc_vex_rr(&e, row->op, w, r, rm, v);
  else if (digit && m)
    lw_enc_m(&e, row->op, w, *m);
  else if (digit)
    lw_enc_r(&e, row->op, w, rm);
  else if (m)
    lw_enc_rm(&e, row->op, w, r, *m);
  else
    lw_enc_rr(&e, row->op, w, r, rm);
  if (byte_imm) lw_enc_8(&e, (unsigned)imm);
  if (half_imm) lw_enc_16(&e, (uint16_t)imm);
  if (wide_imm) lw_enc_32(&e, (uint32_t)imm);
  if (w && (row->op == X_MOVD || row->op == X_MOVD_ST)) name = "movq";
  if (w && row->op == X_PINSRD) name = "pinsrq";
  if (w && row->op == X_PEXTRD) name = "pextrq";
  if (w && is(row, "vx")) name = row->op == X_FMADDPS ? "vfmadd231pd" : "vfnmadd231pd";

  const char *a = reg(r, x_reg ? KIND_XMM : reg_kind(row, w));
  const char *b = m ? mem(*m) : reg(rm, x_rm ? KIND_XMM : rm_kind(row, w));
  if (digit)
    snprintf(text, sizeof text, "%s", b);
  else if (is(row, "mr") || is(row, "mx") || stores)
    snprintf(text, sizeof text, "%s,%s", b, a);
  else if (is(row, "vx"))
    snprintf(text, sizeof text, "%s,%s,%s", a, reg(v, KIND_XMM), b);
  else if (is(row, "rvm"))
    snprintf(text, sizeof text, "%s,%s,%s", a, reg(v, reg_kind(row, w)), b);
  else
    snprintf(text, sizeof text, "%s,%s", a, b);
  size_t len = strlen(text);
  if (is(row, "rmv"))
    snprintf(text + len, sizeof text - len, ",%s", reg(v, reg_kind(row, w)));
  if (is(row, "m") && (row->op & 0xff) == 0xd3)
    snprintf(text + len, sizeof text - len, ",cl");
  if (byte_imm || wide_imm || half_imm) {
    bool whole = wide_imm || ((row->op & 0xff) == 0x83) || row->op == X_IMUL_B;
    uint64_t u = whole      ? (w ? (uint64_t)(int64_t)imm : (uint32_t)imm)
                 : half_imm ? (uint16_t)imm
                            : (uint8_t)imm;
    snprintf(text + len, sizeof text - len, ",0x%llx", (unsigned long long)u);
  }
  line(name, text);
}

/* The VEX form of a vector row, registers only. */
static void with_vex(const Row *row, unsigned r, unsigned rm)
{
  char text[160], name[32];
  bool three = row->flags & V3 && !is(row, "xb");
  bool imm = row->form[strlen(row->form) - 1] == 'b';
  unsigned v = three ? (r + 5) & 15 : 0;
  if (is(row, "xb"))
    lw_enc_vex_r(&e, row->op, r, rm);
  else
    lw_enc_vex_rr(&e, row->op, 0, r, rm, v);
  if (imm) lw_enc_8(&e, 0x7d);
  snprintf(name, sizeof name, "v%s", row->text);
  const char *a = reg(r, is(row, "rx") ? KIND_32 : KIND_XMM), *b = reg(rm, KIND_XMM);
  if (three)
    snprintf(text, sizeof text, "%s,%s,%s", a, reg(v, KIND_XMM), b);
  else
    snprintf(text, sizeof text, "%s,%s", a, b);
  size_t len = strlen(text);
  if (imm) snprintf(text + len, sizeof text - len, ",0x7d");
  line(name, text);
}

static void all_of_row(const Row *row, const Mem *mems, uint32_t nmems)
{
  bool no_reg = row->op == X_LEA || is(row, "mx") || is(row, "vm"),
       no_mem = is(row, "xx") || is(row, "xxb") || is(row, "xb") || is(row, "vx") ||
                (is(row, "rx") && row->flags & V2);
  bool no_wide = *row->form == 'x' || is(row, "mx") || is(row, "vm") ||
                 row->flags & (XF_W | XF_BR | XF_BM) || is_half(row) ||
                 row->op == X_MOV_M16_H || row->op == X_CALL_M || row->op == X_JMP_M;
  if (row->flags & V2) no_wide = true;
  if (is(row, "sxb") && row->op != X_PEXTRD) no_wide = true;
  if (is(row, "xr") || row->op == X_PINSRD || is(row, "vx") || row->op == X_MOVZX8 ||
      row->op == X_MOVSX8)
    no_wide = false;
  bool wide_imm = row->form[strlen(row->form) - 1] == 'd';
  int32_t imm = wide_imm                               ? -0x12345678
                : is(row, "mh")                        ? 0x1234
                : row->flags & XF_BM || is(row, "xxb") ? 0x7d
                                                       : 0x15;
  for (int w = 0; w < (no_wide ? 1 : 2); w++) {
    for (unsigned i = 0; !no_reg && i < 16; i++) {
      one(row, w, i, turn++ * 7 & 15, NULL, imm);
      one(row, w, turn++ * 5 & 15, i, NULL, imm);
    }
    for (uint32_t i = 0; !no_mem && i < nmems; i++) {
      bool rip_imm = mems[i].base == MEM_RIP && imm;
      if (rip_imm && strpbrk(row->form, "bdh")) continue;
      one(row, w, turn++ & 15, 0, &mems[i], imm);
    }
  }
  for (unsigned i = 0; row->flags & (V2 | V3) && i < 16; i++) {
    with_vex(row, i, turn++ * 7 & 15);
    with_vex(row, turn++ * 5 & 15, i);
  }
}

static const char *two(const char *a, const char *b)
{
  char *s = room();
  snprintf(s, ROOM, "%s,%s", a, b);
  return s;
}

static void immediates(void)
{
  static const struct {
    XOp op;
    const char *text;
  } alu[] = {
    {X_ADD, "add"},
    {X_OR,  "or" },
    {X_AND, "and"},
    {X_SUB, "sub"},
    {X_XOR, "xor"},
    {X_CMP, "cmp"}
  };
  static const int32_t imms[] = {1, 0x7f, -0x80, 0x80, INT32_MAX, INT32_MIN};
  static const uint64_t movs[] = {
    0,          1,           0x7fffffff,         0x80000000,
    0xffffffff, 0x100000000, 0xffffffff80000000, 0xffffffff7fffffff,
    UINT64_MAX};
  char hex[32];
  for (unsigned a = 0; a < 6; a++)
    for (int w = 0; w < 2; w++)
      for (unsigned i = 0; i < 6; i++) {
        unsigned r = turn++ & 15;
        uint64_t u = w ? (uint64_t)(int64_t)imms[i] : (uint32_t)imms[i];
        snprintf(hex, sizeof hex, "0x%llx", (unsigned long long)u);
        lw_enc_alu_ri(&e, alu[a].op, w, r, imms[i]);
        line(alu[a].text, two(reg(r, w ? KIND_64 : KIND_32), hex));
        Mem m = mem_at(r, 0x20);
        lw_enc_alu_mi(&e, alu[a].op, w, m, imms[i]);
        line(alu[a].text, two(mem(m), hex));
      }
  for (unsigned r = 0; r < 16; r++)
    for (unsigned i = 0; i < sizeof movs / sizeof *movs; i++) {
      bool wide = movs[i] > UINT32_MAX;
      bool negative = wide && movs[i] >= 0xffffffff80000000;
      snprintf(hex, sizeof hex, "0x%llx", (unsigned long long)movs[i]);
      lw_enc_mov_ri(&e, r, movs[i]);
      line(wide && !negative ? "movabs" : "mov",
           two(reg(r, wide ? KIND_64 : KIND_32), hex));
    }
}

static void conditions(void)
{
  char name[16];
  for (unsigned cc = 0; cc < 16; cc++) {
    for (unsigned r = 0; r < 16; r++) {
      snprintf(name, sizeof name, "set%s", ccs[cc]);
      lw_enc_setcc(&e, cc, r);
      line(name, reg(r, KIND_8));
      snprintf(name, sizeof name, "cmov%s", ccs[cc]);
      int w = (int)(r & 1);
      unsigned other = turn++ & 15;
      lw_enc_cmov_rr(&e, cc, w, r, other);
      line(name, two(reg(r, w ? KIND_64 : KIND_32), reg(other, w ? KIND_64 : KIND_32)));
      lw_enc_cmov_rm(&e, cc, w, other, mem_at(r, -8));
      line(name, two(reg(other, w ? KIND_64 : KIND_32), mem(mem_at(r, -8))));
    }
  }
}

static void branch(const char *name, uint32_t field, bool wide, int32_t distance)
{
  char target[32];
  uint32_t to = e.size + (uint32_t)distance;
  if (wide)
    lw_enc_patch32(&e, field, to);
  else
    lw_enc_patch8(&e, field, to);
  snprintf(target, sizeof target, "0x%x", to);
  line(name, target);
}

static void branches(void)
{
  char name[16];
  for (unsigned cc = 0; cc < 16; cc++) {
    snprintf(name, sizeof name, "j%s", ccs[cc]);
    branch(name, lw_enc_jcc32(&e, cc), true, 0x1234 + (int32_t)cc);
    branch(name, lw_enc_jcc8(&e, cc), false, cc & 1 ? -0x80 : 0x7f);
  }
  branch("jmp", lw_enc_jmp32(&e), true, -0x100);
  branch("call", lw_enc_call32(&e), true, 0x10000);
  branch("jmp", lw_enc_jmp8(&e), false, -2);
}

static void others(void)
{
  for (unsigned r = 0; r < 16; r++) {
    lw_enc_push(&e, r);
    line("push", reg(r, KIND_64));
    lw_enc_pop(&e, r);
    line("pop", reg(r, KIND_64));
  }
  lw_enc_cdq(&e, 0);
  line("cdq", "");
  lw_enc_cdq(&e, 1);
  line("cqo", "");
  lw_enc_ret(&e, 0);
  line("ret", "");
  lw_enc_ret(&e, 0x120);
  line("ret", "0x120");
  lw_enc_leave(&e);
  line("leave", "");
  lw_enc_ud2(&e);
  line("ud2", "");
}

int main(int argc, char **argv)
{
  static Mem mems[512];
  if (argc != 2) return 2;
  if (!lw_enc_begin(&e, &arena, 16)) return 1;
  uint32_t nmems = all_mems(mems);
  for (uint32_t i = 0; i < NROWS; i++)
    all_of_row(&rows[i], mems, nmems);
  immediates();
  conditions();
  branches();
  others();
  FILE *out = fopen(argv[1], "wb");
  if (e.failed || !out || fwrite(e.buf, 1, e.size, out) != e.size) return 1;
  fclose(out);
  lw_arena_free(&arena);
  return 0;
}
