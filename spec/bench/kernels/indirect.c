/* indirect.c -- calls through a table of functions, each a few times in a row. */
#include "kernel.h"

typedef uint32_t (*Op)(uint32_t x, uint32_t y);

static uint32_t add(uint32_t x, uint32_t y)
{
  return x + y;
}
static uint32_t sub(uint32_t x, uint32_t y)
{
  return x - y;
}
static uint32_t xor (uint32_t x, uint32_t y) { return x ^ y; } static uint32_t
  mul(uint32_t x, uint32_t y)
{
  return x * (y | 1);
}
static uint32_t rot(uint32_t x, uint32_t y)
{
  return (x << (y & 31)) | (x >> (-y & 31));
}
static uint32_t max(uint32_t x, uint32_t y)
{
  return x > y ? x : y;
}
static uint32_t mix(uint32_t x, uint32_t y)
{
  return (x >> 3) + y * 5;
}
static uint32_t neg(uint32_t x, uint32_t y)
{
  return ~x + (y >> 1);
}

static Op ops[8] = {add, sub, xor, mul, rot, max, mix, neg};
static uint8_t order[1024];

uint32_t run(uint32_t n)
{
  uint32_t x = 1, y = 2, seed = 2463534242u;
  for (uint32_t i = 0; i < sizeof order; i++)
    order[i] = i & 15 ? order[i - 1] : next_random(&seed) & 7;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < sizeof order; k++) {
      uint32_t z = ops[order[k]](x, y);
      x = y;
      y = z;
    }
  return x * 31 + y;
}
