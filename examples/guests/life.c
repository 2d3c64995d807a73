/* life.c -- Conway's game of life on a torus, for examples/rewind.lua. */
#include "guest.h"

enum { WIDTH = 48, HEIGHT = 12 };
static unsigned char cells[2][HEIGHT][WIDTH];
static int now, generation;

EXPORT(put) void put(int x, int y)
{
  cells[now][(unsigned)y % HEIGHT][(unsigned)x % WIDTH] = 1;
}

static int neighbours(int x, int y)
{
  int sum = 0;
  for (int dy = HEIGHT - 1; dy <= HEIGHT + 1; dy++)
    for (int dx = WIDTH - 1; dx <= WIDTH + 1; dx++)
      if (dy != HEIGHT || dx != WIDTH)
        sum += cells[now][(y + dy) % HEIGHT][(x + dx) % WIDTH];
  return sum;
}

EXPORT(step) int step(void)
{
  int alive = 0;
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      int n = neighbours(x, y);
      cells[!now][y][x] = n == 3 || (n == 2 && cells[now][y][x]);
      alive += cells[!now][y][x];
    }
  now = !now;
  generation++;
  return alive;
}

EXPORT(age) int age(void)
{
  return generation;
}

EXPORT(row) const unsigned char *row(int y)
{
  return cells[now][(unsigned)y % HEIGHT];
}
