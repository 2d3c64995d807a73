/* simd_blur.c -- a 256 x 256 grey image blurred by 1 2 1 both ways, 16 pixels at a time.
 */
#include "vectors.h"

enum { SIDE = 256 };
static uint8_t image[2][(SIDE + 2) * SIDE + 32];

static void row(const uint8_t *from, uint8_t *to)
{
  for (int x = 0; x < SIDE; x += 16) {
    u16x8 low[3], high[3], sum[2];
    for (int dx = 0; dx < 3; dx++) {
      u16x8 l[3], h[3];
      for (int dy = 0; dy < 3; dy++)
        widen(from + x + dx - 1 + (dy - 1) * SIDE, &l[dy], &h[dy]);
      low[dx] = l[0] + l[1] + l[1] + l[2];
      high[dx] = h[0] + h[1] + h[1] + h[2];
    }
    sum[0] = (low[0] + low[1] + low[1] + low[2] + 8) >> 4;
    sum[1] = (high[0] + high[1] + high[1] + high[2] + 8) >> 4;
    u8x16 bytes = narrow(sum[0], sum[1]);
    __builtin_memcpy(to + x, &bytes, 16);
  }
}

uint32_t run(uint32_t n)
{
  uint32_t state = 1, sum = 0, now = 0;
  for (size_t i = 0; i < sizeof image[0]; i++)
    image[0][i] = (uint8_t)next_random(&state);
  for (uint32_t pass = 0; pass < n; pass++, now ^= 1)
    for (int y = 1; y <= SIDE; y++)
      row(image[now] + 16 + y * SIDE, image[now ^ 1] + 16 + y * SIDE);
  for (size_t i = 0; i < sizeof image[0]; i += 7)
    sum = sum * 31 + image[now][i];
  return sum;
}
