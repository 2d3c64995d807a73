/*
** tail.c -- a threaded interpreter: every operator ends in a tail call of the next one,
** through a table of functions. Millions of steps, no stack.
*/
#include "chain.h"

#if defined __clang__
#define TAIL __attribute__((musttail)) return
#else
#define TAIL return /* gcc turns it into a jump by itself */
#endif

enum { REGISTERS = 8, CELLS = 4096 };

typedef struct {
  uint8_t op, a, b, c;
} Code;

typedef struct {
  uint32_t r[REGISTERS];
  uint8_t cells[CELLS];
  uint32_t steps;
} Machine;

typedef uint32_t (*Step)(Machine *m, const Code *code, uint32_t pc, uint32_t count);

enum {
  HALT,
  SET,
  MOVE,
  ADD,
  SUB,
  MUL,
  SHIFT,
  LESS,
  EVEN,
  JUMP,
  UNLESS,
  LOAD,
  STORE,
  OPS
};
static const Step steps[OPS];

#define OP(name)                                                                         \
  static uint32_t name(Machine *m, const Code *code, uint32_t pc, uint32_t count)
#define A    m->r[code[pc].a]
#define B    m->r[code[pc].b]
#define C    m->r[code[pc].c]
#define NEXT TAIL steps[code[pc + 1].op](m, code, pc + 1, count + 1)
#define GO(to)                                                                           \
  uint32_t there = (to);                                                                 \
  TAIL steps[code[there].op](m, code, there, count + 1)

OP(halt)
{
  m->steps = count;
  return A;
}
OP(set)
{
  A = (uint32_t)code[pc].b | (uint32_t)code[pc].c << 8;
  NEXT;
}
OP(move)
{
  A = B;
  NEXT;
}
OP(add)
{
  A = B + C;
  NEXT;
}
OP(sub)
{
  A = B - C;
  NEXT;
}
OP(mul)
{
  A = B * C;
  NEXT;
}
OP(shift)
{
  A = B >> code[pc].c;
  NEXT;
}
OP(less)
{
  A = B < C;
  NEXT;
}
OP(even)
{
  A = B % 2 == 0;
  NEXT;
}
OP(jump)
{
  GO(code[pc].b);
}
OP(unless)
{
  GO(A ? pc + 1 : code[pc].b);
}
OP(load)
{
  A = m->cells[B % CELLS];
  NEXT;
}
OP(store)
{
  m->cells[B % CELLS] = (uint8_t)A;
  NEXT;
}

static const Step steps[OPS] = {halt, set,  move, add,    sub,  mul,  shift,
                                less, even, jump, unless, load, store};

static uint32_t interpret(const Code *code, uint32_t n)
{
  static Machine m;
  for (int i = 0; i < REGISTERS; i++)
    m.r[i] = 0;
  for (int i = 0; i < CELLS; i++)
    m.cells[i] = 0;
  m.r[0] = n;
  uint32_t result = steps[code[0].op](&m, code, 0, 1);
  return mix(result, m.steps);
}

/* The longest way to 1 from a number below n: r1 counts, r2 walks, r3 is its length. */
EXPORT(collatz)
{
  static const Code code[] = {
    {SET,    7, 1,  0},
    {SET,    6, 3,  0},
    {SET,    1, 1,  0},
    {MOVE,   2, 1,  0},
    {SET,    3, 0,  0}, /* 3: the next number */
    {LESS,   4, 7,  2},
    {UNLESS, 4, 14, 0}, /* 5: at 1? */
    {ADD,    3, 3,  7},
    {EVEN,   4, 2,  0},
    {UNLESS, 4, 12, 0},
    {SHIFT,  2, 2,  1},
    {JUMP,   0, 5,  0}, /* 10: halve it */
    {MUL,    2, 2,  6},
    {JUMP,   0, 19, 0}, /* 12: three times and one */
    {LESS,   4, 5,  3},
    {UNLESS, 4, 17, 0},
    {MOVE,   5, 3,  0},
    {ADD,    1, 1,  7},
    {JUMP,   0, 21, 0}, /* 17: one more */
    {ADD,    2, 2,  7},
    {JUMP,   0, 5,  0},
    {LESS,   4, 1,  0},
    {UNLESS, 4, 24, 0},
    {JUMP,   0, 3,  0},
    {HALT,   5, 0,  0},
  };
  return interpret(code, n);
}

/* Primes below n, by the sieve: r1 the prime, r2 its multiples, r3 how many. */
EXPORT(sieve)
{
  static const Code code[] = {
    {SET,    7, 1,  0},
    {SET,    1, 2,  0},
    {LESS,   4, 1,  0},
    {UNLESS, 4, 15, 0},
    {LOAD,   5, 1,  0}, /* 2: struck out? */
    {LESS,   4, 5,  7},
    {UNLESS, 4, 13, 0},
    {ADD,    3, 3,  7},
    {ADD,    2, 1,  1},
    {LESS,   4, 2,  0},
    {UNLESS, 4, 13, 0},
    {STORE,  7, 2,  0},
    {JUMP,   0, 16, 0},
    {ADD,    1, 1,  7},
    {JUMP,   0, 2,  0},
    {HALT,   3, 0,  0},
    {ADD,    2, 2,  1},
    {JUMP,   0, 9,  0},
  };
  return interpret(code, n % CELLS);
}

/* Tail calls of functions with many parameters, more than there are registers. */
typedef uint64_t (*Fold)(uint32_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e, uint64_t f, uint64_t g, double x, double y);

static uint64_t odd_turn(uint32_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e, uint64_t f, uint64_t g, double x, double y);
static uint64_t even_turn(uint32_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                          uint64_t e, uint64_t f, uint64_t g, double x, double y)
{
  if (n == 0) return a ^ b * 3 ^ c * 5 ^ d * 7 ^ e ^ f ^ g ^ (uint64_t)(x + y);
  static volatile Fold other = odd_turn;
  TAIL other(n - 1, g + n, a, b, c, d, e, f ^ a, y + 1, x);
}

static uint64_t odd_turn(uint32_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e, uint64_t f, uint64_t g, double x, double y)
{
  if (n == 0) return a + b + c + d + e + f + g + (uint64_t)(x - y);
  TAIL even_turn(n - 1, b, c * 31, d, e, f, g, a + n, y + 0.5, x);
}

EXPORT(turns)
{
  uint64_t result = even_turn(n, 1, 2, 3, 4, 5, 6, 7, 0.25, 1e6);
  return mix((uint32_t)result, (uint32_t)(result >> 32));
}
