/*
** native.c -- calls functions of a natively compiled guest and prints what they return.
**
**   native ./guest.so [name number]...
**
** One line for each pair.
*/
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint32_t (*Function)(uint32_t);

int main(int argc, char **argv)
{
  void *guest = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (guest == NULL) {
    fprintf(stderr, "%s\n", argc > 1 ? dlerror() : "which guest?");
    return 1;
  }
  for (int i = 2; i + 1 < argc; i += 2) {
    union {
      void *object;
      Function function;
    } symbol = {.object = dlsym(guest, argv[i])};
    if (symbol.object == NULL) {
      fprintf(stderr, "%s\n", dlerror());
      return 1;
    }
    printf("%u\n", (unsigned)symbol.function((uint32_t)strtoul(argv[i + 1], NULL, 10)));
  }
  return 0;
}
