/*
** mix.c -- what embedded programs do, in turns: sort and search a linked list, multiply
** small matrices of 16-bit numbers, follow a state machine through text, checksum it all
** bit by bit.
*/
#include "kernel.h"

enum { NODES = 128, SIDE = 12, TEXT = 512 };

typedef struct Node {
  struct Node *next;
  int16_t key, value;
} Node;

static Node nodes[NODES];
static int16_t a[SIDE][SIDE], b[SIDE][SIDE];
static int32_t c[SIDE][SIDE];
static char text[TEXT + 1];

static uint16_t crc16(uint16_t crc, uint32_t word)
{
  for (int i = 0; i < 32; i++, word >>= 1) {
    uint32_t bit = (crc ^ word) & 1;
    crc >>= 1;
    if (bit) crc ^= 0xa001;
  }
  return crc;
}

/* ---- a list ---- */

static Node *merge(Node *x, Node *y)
{
  Node head = {0}, *last = &head;
  while (x && y) {
    Node **least = x->key <= y->key ? &x : &y;
    last->next = *least;
    last = *least;
    *least = last->next;
  }
  last->next = x ? x : y;
  return head.next;
}

static Node *sort(Node *list)
{
  if (!list || !list->next) return list;
  Node *middle = list;
  for (Node *end = list->next; end && end->next; end = end->next->next)
    middle = middle->next;
  Node *second = middle->next;
  middle->next = NULL;
  return merge(sort(list), sort(second));
}

static Node *reverse(Node *list)
{
  Node *before = NULL;
  while (list) {
    Node *next = list->next;
    list->next = before;
    before = list;
    list = next;
  }
  return before;
}

static uint16_t walk_list(uint32_t seed, uint16_t crc)
{
  for (int i = 0; i < NODES; i++) {
    nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
    nodes[i].key = (int16_t)(next_random(&seed) & 0x3ff);
    nodes[i].value = (int16_t)i;
  }
  Node *list = reverse(sort(nodes));
  for (uint32_t wanted = 0; wanted < 16; wanted++) {
    const Node *found = list;
    while (found && ((uint32_t)found->key & 15) != wanted)
      found = found->next;
    crc = crc16(crc, found ? (uint32_t)found->value : wanted);
  }
  return crc;
}

/* ---- matrices ---- */

static uint16_t multiply(uint32_t seed, uint16_t crc)
{
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      a[i][j] = (int16_t)next_random(&seed);
      b[i][j] = (int16_t)(next_random(&seed) >> 16);
    }
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIDE; k++)
        sum += ((a[i][k] >> 2) & 0xff) * ((b[k][j] >> 5) & 0x7f);
      c[i][j] = sum;
    }
  for (int i = 0; i < SIDE; i++)
    crc = crc16(crc, (uint32_t)c[i][(i * 5) % SIDE]);
  return crc;
}

/* ---- numbers in text ---- */

typedef enum { START, SIGN, DIGITS, POINT, EXPONENT, SCALE, WRONG, STATES } State;

static State step(State s, char ch)
{
  if (ch == ',') return START;
  int is_digit = ch >= '0' && ch <= '9', is_sign = ch == '+' || ch == '-';
  switch (s) {
  case START: return is_digit ? DIGITS : is_sign ? SIGN : ch == '.' ? POINT : WRONG;
  case SIGN: return is_digit ? DIGITS : ch == '.' ? POINT : WRONG;
  case DIGITS:
    return is_digit ? DIGITS : ch == '.' ? POINT : ch == 'e' ? EXPONENT : WRONG;
  case POINT: return is_digit ? POINT : ch == 'e' ? EXPONENT : WRONG;
  case EXPONENT: return is_digit || is_sign ? SCALE : WRONG;
  case SCALE: return is_digit ? SCALE : WRONG;
  default: return WRONG;
  }
}

static uint16_t scan(uint32_t seed, uint16_t crc)
{
  static const char letters[] = "0123456789012345+-.e,,.x";
  uint32_t count[STATES] = {0};
  State s = START;
  for (int i = 0; i < TEXT; i++)
    text[i] = letters[next_random(&seed) % (sizeof letters - 1)];
  for (const char *p = text; *p; p++) {
    s = step(s, *p);
    count[s]++;
  }
  for (int i = 0; i < STATES; i++)
    crc = crc16(crc, count[i]);
  return crc;
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  uint16_t crc = 0;
  for (uint32_t i = 1; i <= n; i++) {
    crc = walk_list(i * 2654435761u | 1, crc);
    crc = multiply(i * 40503u | 1, crc);
    crc = scan(i * 69069u | 1, crc);
    sum = sum * 31 + crc;
  }
  return sum;
}
