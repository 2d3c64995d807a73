/*
** text.c -- strings in and out of a guest (examples/strings.lua).
**
** The host asks for room with `room`, writes a string there, and passes its address
** and length. Addresses are plain numbers: offsets into this module's memory.
*/
#include "guest.h"

static unsigned char space[64 * 1024];

/* Address of at least `size` bytes, or 0. The next call hands out the same bytes. */
EXPORT(room) unsigned char *room(size_t size)
{
  return size <= sizeof space ? space : NULL;
}

static int is_letter(unsigned char c)
{
  return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* Upper case in place. */
EXPORT(upper) void upper(unsigned char *s, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (is_letter(s[i])) s[i] &= (unsigned char)~32;
}

/* Words: runs of letters. */
EXPORT(words) int words(const unsigned char *s, size_t n)
{
  int count = 0, inside = 0;
  for (size_t i = 0; i < n; i++) {
    int letter = is_letter(s[i]);
    count += letter && !inside;
    inside = letter;
  }
  return count;
}

/* Two results through memory: counts[c] is how often byte c occurs. */
EXPORT(histogram) void histogram(const unsigned char *s, size_t n, uint32_t counts[256])
{
  for (int c = 0; c < 256; c++)
    counts[c] = 0;
  for (size_t i = 0; i < n; i++)
    counts[s[i]]++;
}

/* A C string out: its address; the host reads up to the 0 byte. */
EXPORT(greet) const char *greet(const char *name)
{
  static char reply[128];
  const char *start = "Hello from C, ";
  size_t n = 0;
  while (*start != 0)
    reply[n++] = *start++;
  while (*name != 0 && n < sizeof reply - 2)
    reply[n++] = *name++;
  reply[n++] = '!';
  reply[n] = 0;
  return reply;
}
