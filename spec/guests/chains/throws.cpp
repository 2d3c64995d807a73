/*
** throws.cpp -- C++ exceptions: thrown across frames, caught by base class, thrown again,
** with destructors that must run once each and in order. No library but the language's.
*/
#include "chain.h"

namespace {

uint32_t trail; /* what happened, in order */
int alive;      /* objects made and not destroyed */

void mark(uint32_t what)
{
  trail = mix(trail, what);
}

struct Base {
  explicit Base(uint32_t v) : value(v) {}
  virtual ~Base() {}
  virtual uint32_t what() const { return value; }
  uint32_t value;
};

struct Left : virtual Base {
  explicit Left(uint32_t v) : Base(v) {}
  uint32_t what() const override { return value * 3; }
};

struct Right : virtual Base {
  explicit Right(uint32_t v) : Base(v) {}
};

struct Both : Left, Right {
  explicit Both(uint32_t v) : Base(v), Left(v), Right(v) {}
  uint32_t what() const override { return value * 7 + 1; }
};

struct Guard {
  explicit Guard(uint32_t i) : id(i) { alive++; }
  Guard(const Guard &) = delete;
  ~Guard()
  {
    alive--;
    mark(id);
  }
  uint32_t id;
};

NOINLINE void raise(uint32_t kind)
{
  switch (kind % 8) {
  case 0: throw kind;
  case 1: throw Left(kind);
  case 2: throw Right(kind);
  case 3: throw Both(kind);
  case 4: throw static_cast<double>(kind) * 0.5;
  case 5: throw "text";
  case 6: throw static_cast<const Base *>(nullptr);
  default: return; /* not this time */
  }
}

NOINLINE void down(uint32_t depth, uint32_t kind)
{
  Guard guard(depth);
  if (depth == 0)
    raise(kind);
  else
    down(depth - 1, kind);
  mark(1000 + depth);
}

NOINLINE uint32_t caught(uint32_t depth, uint32_t kind)
{
  try {
    down(depth, kind);
    return 1;
  } catch (uint32_t value) {
    return value + 2;
  } catch (const Left &e) {
    return e.what() + 3;
  } catch (const Base &e) {
    return e.what() + 4;
  } catch (double value) {
    return static_cast<uint32_t>(value * 4);
  } catch (const char *text) {
    return static_cast<uint32_t>(text[1]);
  } catch (...) {
    return 6;
  }
}

NOINLINE void middle(uint32_t kind)
{
  Guard guard(77);
  try {
    down(3, kind);
  } catch (Left &e) {
    e.value += 1000; /* seen by who catches it again */
    mark(e.what());
    throw;
  } catch (double) {
    throw Both(kind + 5); /* another in its place */
  }
}

NOINLINE void in_turn(uint32_t kind)
{
  try {
    middle(kind);
  } catch (const Right &e) {
    mark(e.what());
    try {
      raise(kind + 1); /* a second one while the first is being handled */
    } catch (...) {
      mark(2000);
    }
    throw; /* the first */
  }
}

/* A destructor that itself catches while another exception passes through. */
struct Careful {
  explicit Careful(uint32_t k) : kind(k) {}
  ~Careful()
  {
    try {
      raise(kind);
      mark(3);
    } catch (...) {
      mark(4);
    }
  }
  uint32_t kind;
};

NOINLINE void fragile(uint32_t kind)
{
  Careful one(kind), two(kind + 3);
  raise(kind + 1);
}

struct Parts {
  explicit Parts(uint32_t kind) : first(1), second(2), third((raise(kind), 3)) {}
  Guard first, second, third;
};

typedef void (*Raiser)(uint32_t);
Raiser const raisers[4] = {raise, middle, in_turn, fragile};

NOINLINE uint32_t through(Raiser volatile *call, uint32_t kind)
{
  try {
    (*call)(kind);
  } catch (const Base &e) {
    return e.what();
  } catch (...) {
    return 5;
  }
  return 7;
}

NOINLINE void silent(uint32_t kind) noexcept
{
  try {
    down(1, kind);
  } catch (...) {
    mark(8);
  }
}

} // namespace

EXPORT(across)
{
  trail = n;
  for (uint32_t kind = 0; kind < 16; kind++)
    mark(caught(n, kind));
  return trail + static_cast<uint32_t>(alive);
}

EXPORT(again)
{
  trail = n;
  for (uint32_t i = 0; i < n; i++)
    for (auto raiser : raisers) {
      Raiser volatile call = raiser;
      mark(through(&call, i));
    }
  return trail + static_cast<uint32_t>(alive);
}

EXPORT(constructors)
{
  trail = n;
  for (uint32_t i = 0; i < n; i++) {
    try {
      Parts parts(i);
      mark(parts.third.id);
    } catch (...) {
      mark(9);
    }
    Parts *on_heap = nullptr;
    try {
      on_heap = new Parts(i + 1);
    } catch (const Base &e) {
      mark(e.value);
    } catch (...) {
      mark(10);
    }
    delete on_heap;
    silent(i);
  }
  return trail + static_cast<uint32_t>(alive);
}

/* Control flow: out of loops, with values that change between throws. */
EXPORT(loops)
{
  trail = n;
  uint32_t total = 0, caught_here = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t step = i;
    try {
      Guard guard(i);
      for (step = 0; step < 5; step++) {
        if (step == i % 7) raise(i);
        total += step;
        if (step == i % 6) break;
        if (i % 11 == 10) return mix(trail, total + static_cast<uint32_t>(alive));
      }
    } catch (const Base &e) {
      caught_here++;
      total += e.value + step;
      if (e.value % 3 == 0) continue;
    } catch (...) {
      total ^= step << 8;
    }
    mark(total);
  }
  return mix(trail, total + caught_here);
}
