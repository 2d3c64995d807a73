/*
** glue.c -- the QR Code generator as a module (examples/library.lua).
**
** Write a C string at text(), call make(level), then ask module(x, y) for each square:
** 1 is dark. Static buffers for the largest symbol (version 40), no allocator.
*/
#include "../guest.h"

#include "qrcodegen.h"

static char input[4096];
static uint8_t code[qrcodegen_BUFFER_LEN_MAX], scratch[qrcodegen_BUFFER_LEN_MAX];

/* Address of 4,096 bytes for the text and its 0 byte. */
EXPORT(text) char *text(void)
{
  return input;
}

/* Side of the square, or 0 if the text does not fit. Levels 0 (low) to 3 (high). */
EXPORT(make) int make(int level)
{
  if (!qrcodegen_encodeText(input, scratch, code, (enum qrcodegen_Ecc)level,
                            qrcodegen_VERSION_MIN, qrcodegen_VERSION_MAX,
                            qrcodegen_Mask_AUTO, 1))
    return 0;
  return qrcodegen_getSize(code);
}

EXPORT(module) int module(int x, int y)
{
  return qrcodegen_getModule(code, x, y);
}
