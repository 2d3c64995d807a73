/*
** mod.c -- the mod that examples/hot_reload.lua rewrites while the game runs.
**
** VERSION picks one of the author's edits. All that must survive a reload is in `world`;
** `world_size` tells the host how big it is. Everything else starts anew, so strings may
** become longer and functions may come and go.
*/
#define EXPORT(name) __attribute__((export_name(#name), used))
#define IMPORT(name) __attribute__((import_module("game"), import_name(#name)))

IMPORT(say) void say(const char *text, int number);

#if VERSION == 1
#define GREETING "a tower"
#define INCOME   3
#elif VERSION == 2
#define GREETING                                                                         \
  "a much taller tower, with a flag on top of it" /* moves what lies behind */
#define INCOME 5
#else
#define GREETING "a castle"
#define INCOME   8
#endif

typedef struct World {
  int ticks, gold;
  int floors[8];
} World;

static const char greeting[] = GREETING;
World world = {0, 10, {1}};
const unsigned world_size = sizeof world;

static int floors(void)
{
  int sum = 0;
  for (int k = 0; k < 8; k++)
    sum += world.floors[k];
  return sum;
}

EXPORT(tick) int tick(void)
{
  world.ticks++;
  world.gold += INCOME;
  if (world.gold >= 20) {
    world.gold -= 20;
    world.floors[world.ticks % 8]++;
    say(greeting, floors());
  }
  return world.gold;
}

EXPORT(height) int height(void)
{
  return floors();
}

#if VERSION > 2
EXPORT(motto) int motto(void)
{
  say("built to last", floors());
  return floors();
}
#endif
