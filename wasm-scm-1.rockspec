rockspec_format = "3.0"
package = "wasm"
version = "scm-1"
source = { url = "git+https://example.org/wasm.git" }
description = {
  summary = "WebAssembly host with a JIT, scriptable from Lua",
  detailed = [[
    Compile, instantiate and call WebAssembly modules from Lua 5.4: machine code for every
    function, host functions that may yield, exact traps, and no dependency at run time.]],
  homepage = "https://example.org/wasm",
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua >= 5.4, < 5.5" }
external_dependencies = { XXHASH = { header = "xxhash.h" } }
build = {
  type = "make",
  build_variables = {
    CFLAGS = "$(CFLAGS) -I$(XXHASH_INCDIR)", LUA_INC = "-I$(LUA_INCDIR)", LIBFLAG = "$(LIBFLAG)",
    CC = "$(CC)",
  },
  install_variables = { LIBDIR = "$(LIBDIR)", LUADIR = "$(LUADIR)", BINDIR = "" },
  install = { bin = { luawasm = "lua/luawasm" } },
}
test = { type = "command", command = "make test" }
