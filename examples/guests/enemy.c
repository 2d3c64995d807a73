/*
** enemy.c -- three enemies as plain blocking C (examples/demo.lua).
**
** Each script runs from top to bottom and just waits for the next frame where it wants
** to. The host makes an instance for each enemy and lets them take turns: `await_frame`
** is a Lua function that yields.
*/
#include "guest.h"

IMPORT(game, await_frame) int await_frame(void); /* number of the new frame */
IMPORT(game, walk) void walk(int dx);
IMPORT(game, player) int player(void); /* where the player stands */
IMPORT(game, place) int place(void);   /* where this enemy stands */
IMPORT(game, say) void say(const char *line);

static void sleep_frames(int frames)
{
  while (frames-- > 0)
    await_frame();
}

/* Walks its beat and never looks up. Returns how far it walked. */
EXPORT(guard) int guard(void)
{
  int steps = 0;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 4; i++, steps++) {
      walk(round == 0 ? 1 : -1);
      await_frame();
    }
    say("All quiet.");
  }
  return steps;
}

/* Runs at the player and bites. Returns how far it ran. */
EXPORT(wolf) int wolf(void)
{
  int steps = 0;
  say("Grrr.");
  sleep_frames(2);
  while (place() != player()) {
    walk(place() < player() ? 1 : -1);
    steps++;
    await_frame();
  }
  say("Bite!");
  return steps;
}

/* Sleeps, and has a stone where other trolls have a heart. Returns 1. */
EXPORT(troll) int troll(void)
{
  int dream[64]; /* lives in linear memory across all waits */
  for (int i = 0; i < 64; i++)
    dream[i] = i * i;
  sleep_frames(6);
  say("Who woke me?");
  walk(-3);
  await_frame();
  for (int i = 0; i < 64; i++)
    if (dream[i] != i * i) return 0;
  say("...");
  return 1;
}
