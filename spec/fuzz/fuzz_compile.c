/*
** fuzz_compile.c -- libFuzzer on decode, validate and compile.
**
** The first byte chooses the options (bounds mode, effort), the rest is the module.
** What the core says is not judged: it may refuse anything, but must not crash, hang
** or leak.
*/
#include "rt/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0) return 0;
  CodeOptions opts = {.explicit_bounds = data[0] & 1, .effort = data[0] >> 1 & 1};
  Code *code;
  CodeHow how;
  Err err = {0};
  if (lw_code_compile(data + 1, size - 1, &opts, NULL, &code, &how, &err) == LW_OK)
    lw_code_unref(code);
  return 0;
}
