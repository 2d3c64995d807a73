/*
** bots.c -- the mods of a small light-cycle game (examples/game/main.lua).
**
** Each export plays one cycle: it looks around, turns, and waits for the next frame, for
** ever. None of them knows that others are running, or that it is suspended in
** await_frame while the game draws. Two are sound, one drinks, one has a bug.
*/
#include "../guests/guest.h"

IMPORT(game, await_frame) int await_frame(void);
IMPORT(game, is_free) int is_free(int x, int y);
IMPORT(game, x) int my_x(void);
IMPORT(game, y) int my_y(void);
IMPORT(game, steer) void steer(int direction);
IMPORT(game, dice) int dice(int sides);

enum { WIDTH = 56, HEIGHT = 18, DIRECTIONS = 4 };

static const int step_x[DIRECTIONS] = {1, 0, -1, 0}; /* east, south, west, north */
static const int step_y[DIRECTIONS] = {0, 1, 0, -1};

static int ahead(int direction)
{
  return is_free(my_x() + step_x[direction], my_y() + step_y[direction]);
}

/* Straight on while it can, then left, then right. */
EXPORT(hugger) void hugger(int direction)
{
  for (;; await_frame()) {
    if (!ahead(direction))
      direction = ahead((direction + 3) % 4) ? (direction + 3) % 4 : (direction + 1) % 4;
    steer(direction);
  }
}

/* How many squares can be reached from (x, y). The map lives on the stack. */
static int region(int x, int y)
{
  unsigned char seen[WIDTH][HEIGHT];
  short queue[WIDTH * HEIGHT];
  int first = 0, last = 0;
  if (!is_free(x, y)) return 0;
  for (int i = 0; i < WIDTH; i++)
    for (int j = 0; j < HEIGHT; j++)
      seen[i][j] = 0;
  seen[x][y] = 1;
  queue[last++] = (short)(x * HEIGHT + y);
  while (first < last) {
    int at = queue[first++];
    for (int d = 0; d < DIRECTIONS; d++) {
      int nx = at / HEIGHT + step_x[d], ny = at % HEIGHT + step_y[d];
      if (!is_free(nx, ny) || seen[nx][ny]) continue;
      seen[nx][ny] = 1;
      queue[last++] = (short)(nx * HEIGHT + ny);
    }
  }
  return last;
}

/* Goes where the most room is. */
EXPORT(surveyor) void surveyor(int direction)
{
  for (;; await_frame()) {
    int best = direction, most = -1;
    for (int turn = 0; turn < DIRECTIONS; turn++) {
      int d = (direction + turn) % DIRECTIONS;
      int size = region(my_x() + step_x[d], my_y() + step_y[d]);
      if (size > most) {
        most = size;
        best = d;
      }
    }
    steer(direction = best);
  }
}

/* Turns when the dice say so. */
EXPORT(drunkard) void drunkard(int direction)
{
  for (;; await_frame()) {
    for (int tries = 0; tries < 8 && (dice(6) == 1 || !ahead(direction)); tries++)
      direction = (direction + 2 * dice(2) - 1 + 4) % 4;
    steer(direction);
  }
}

static volatile int plan[16];

__attribute__((noinline)) static int next_move(int distance, int frame)
{
  return plan[frame] / (16 - distance);
}

/* Follows a plan, divides by what is left of it, and one day there is nothing left. */
EXPORT(engineer) void engineer(int direction)
{
  for (int frame = 0;; frame = await_frame()) {
    if (!ahead(direction)) direction = (direction + 1) % 4;
    steer((direction + next_move(frame, frame % 16)) % 4);
  }
}
