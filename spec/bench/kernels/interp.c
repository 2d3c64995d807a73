/* interp.c -- a register machine's dispatch loop: a br_table and memory for everything.
 */
#include "kernel.h"

enum { ADD, SUB, MUL, XOR, SHR, LOADI, LOAD, STORE, JNZ, DEC, HALT };
typedef struct Ins {
  uint8_t op, a, b, c;
} Ins;

static const Ins program[] = {
  {LOADI, 1, 0, 7 }, /* r1 = 7 */
  {LOADI, 2, 0, 13}, /* r2 = 13 */
  {LOADI, 6, 0, 3 }, /* r6 = 3 */
  {MUL,   3, 1, 2 }, /* loop: r3 = r1 * r2 */
  {ADD,   1, 1, 3 },
  {SHR,   4, 1, 6 },
  {XOR,   2, 2, 4 },
  {STORE, 2, 0, 0 }, /* cell[r0 & 255] = r2 */
  {LOAD,  5, 0, 0 },
  {SUB,   1, 1, 5 },
  {DEC,   0, 0, 0 }, /* r0 -= 1 */
  {JNZ,   0, 3, 0 }, /* if (r0) goto 3 */
  {HALT,  0, 0, 0 },
};

static uint32_t cell[256];

static uint32_t interpret(uint32_t count)
{
  uint32_t reg[8] = {count};
  for (const Ins *pc = program;; pc++) {
    switch (pc->op) {
    case ADD: reg[pc->a] = reg[pc->b] + reg[pc->c]; break;
    case SUB: reg[pc->a] = reg[pc->b] - reg[pc->c]; break;
    case MUL: reg[pc->a] = reg[pc->b] * reg[pc->c]; break;
    case XOR: reg[pc->a] = reg[pc->b] ^ reg[pc->c]; break;
    case SHR: reg[pc->a] = reg[pc->b] >> (reg[pc->c] & 31); break;
    case LOADI: reg[pc->a] = pc->c; break;
    case LOAD: reg[pc->a] = cell[reg[pc->b] & 255]; break;
    case STORE: cell[reg[pc->b] & 255] = reg[pc->a]; break;
    case DEC: reg[pc->a]--; break;
    case JNZ:
      if (reg[pc->a]) pc = program + pc->b - 1;
      break;
    default: return reg[1] ^ reg[2];
    }
  }
}

uint32_t run(uint32_t n)
{
  return interpret(n * 1000);
}
