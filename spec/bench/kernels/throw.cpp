/* throw.cpp -- what throw.wat does, natively: n exceptions through ten frames. */
#include <cstdint>

extern "C" __attribute__((visibility("default"))) uint32_t run(uint32_t n);

static uint32_t down(uint32_t depth, uint32_t value);
static uint32_t (*volatile next)(uint32_t, uint32_t) = down; /* so that no loop is made of it */

static uint32_t down(uint32_t depth, uint32_t value)
{
  if (depth == 0) throw value;
  return next(depth - 1, value) + 1;
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    try {
      sum += down(10, i);
    } catch (uint32_t value) {
      sum = sum * 31 + value;
    }
  }
  return sum;
}
