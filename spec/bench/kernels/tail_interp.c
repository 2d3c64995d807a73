/* tail_interp.c -- the interpreter of interp.c's kind, threaded: every operator ends in a
   tail call of the next, and the accumulator and the counter stay in parameters. */
#include "kernel.h"

#if defined __clang__
#define TAIL __attribute__((musttail)) return
#else
#define TAIL return
#endif

enum { LOAD, ADD, MUL, XOR, STORE, DEC, LOOP, STOP };
typedef struct {
  uint32_t op, operand;
} Code;
typedef uint32_t (*Step)(const Code *pc, uint32_t acc, uint32_t left, uint32_t *cells);
static const Step steps[8];

#define NEXT(acc, left) TAIL steps[pc[1].op](pc + 1, acc, left, cells)
#define OP(name)                                                                         \
  static uint32_t name(const Code *pc, uint32_t acc, uint32_t left, uint32_t *cells)

OP(load)
{
  (void)acc;
  NEXT(cells[pc->operand], left);
}
OP(add)
{
  NEXT(acc + cells[pc->operand], left);
}
OP(mul)
{
  NEXT(acc * pc->operand, left);
}
OP(xor)
{
  NEXT(acc ^ acc >> pc->operand, left);
}
OP(store)
{
  cells[pc->operand] = acc;
  NEXT(acc, left);
}
OP(dec)
{
  NEXT(acc, left - 1);
}
OP(loop)
{
  const Code *to = left ? pc - pc->operand : pc + 1;
  TAIL steps[to->op](to, acc, left, cells);
}
OP(stop)
{
  (void)pc, (void)left, (void)cells;
  return acc;
}

static const Step steps[8] = {load, add, mul, xor, store, dec, loop, stop};

uint32_t run(uint32_t n)
{
  static const Code program[] = {
    {LOAD,  0          },
    {ADD,   1          },
    {MUL,   2654435761u},
    {XOR,   15         },
    {STORE, 0          },
    {ADD,   2          },
    {STORE, 1          },
    {MUL,   40503u     },
    {XOR,   7          },
    {ADD,   3          },
    {STORE, 2          },
    {XOR,   11         },
    {STORE, 3          },
    {DEC,   0          },
    {LOOP,  14         },
    {STOP,  0          },
  };
  static uint32_t cells[4];
  for (uint32_t i = 0; i < 4; i++)
    cells[i] = i + 1;
  return steps[program[0].op](program, 0, n * 1000, cells);
}
