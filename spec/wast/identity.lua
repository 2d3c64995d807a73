--- Text, binary, text, binary: every valid module of the official suite, printed and assembled.
--   lua5.4 spec/wast/identity.lua DIR [name ...]    the suite's files, and the real modules that
--                                                   `make cases` has fetched; or some files
--   lua5.4 spec/wast/identity.lua --binary FILE ... these modules, made by whatever compiler
-- Bytes that our assembler made come back as they are. Bytes of others may say the same in other
-- words (print.lua says which); what is printed of those that come back must be the same text, and
-- then the bytes are the same as well.
local core = require "wasm.core"
local print_text = require "wasm.text.print"
local wast = require "wasm.wast"
local wat = require "wasm.wat"

local MORE = { "legacy/*.wast", "proposals/threads/*.wast", "proposals/wide-arithmetic/*.wast",
  "proposals/custom-page-sizes/*.wast", "custom/*.wast" }

-- Of clang and Emscripten, Rust, AssemblyScript, and Go.
local CACHE = (os.getenv("XDG_CACHE_HOME") or (os.getenv("HOME") or "") .. "/.cache")
  .. "/wasm-lua-cases/"
local REAL = {
  "argon2-wasm-edge-1.0.23/wasm/argon2.wasm", "box2d-wasm-7.0.0/dist/es/Box2D.wasm",
  "box2d-wasm-7.0.0/dist/es/Box2D.simd.wasm", "sql.js-1.16.0/dist/sql-wasm.wasm",
  "tensorflow-tfjs-backend-wasm-4.22.0/dist/tfjs-backend-wasm-threaded-simd.wasm",
  "tree-sitter-wasms-0.1.13/out/tree-sitter-lua.wasm", "sax-wasm-3.1.4/lib/sax-wasm.wasm",
  "dprint-json-0.24.0/plugin.wasm", "dprint-typescript-0.96.1/plugin.wasm",
  "wasmboy-0.7.1/dist/core/core.untouched.wasm", "esbuild-wasm-0.28.2/esbuild.wasm",
}

local total = { passed = 0, failed = 0, same = 0 }

local function read_file(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

local function fail(where, why)
  total.failed = total.failed + 1
  print(("FAIL %s: %s"):format(where, why))
end

--- Where two strings differ first.
local function difference(a, b)
  local n = 1
  while n <= #a and a:byte(n) == b:byte(n) do n = n + 1 end
  return ("%d bytes became %d, they differ at 0x%x"):format(#a, #b, n - 1)
end

--- Print and assemble; `exact`: the bytes must be the same at once.
local function check(where, bytes, exact)
  local ok, text = pcall(print_text.module, bytes)
  if not ok then return fail(where, text) end
  local again, err = wat.assemble(text)
  if not again then return fail(where, wat.format_error(err)) end
  if again == bytes then
    total.same = total.same + 1
  elseif exact then
    return fail(where, difference(bytes, again))
  else
    local text2 = print_text.module(again)
    if text2 ~= text then return fail(where, "other text: " .. difference(text, text2)) end
    local third = wat.assemble(text2)
    if third ~= again then return fail(where, "other bytes: " .. difference(again, third)) end
  end
  total.passed = total.passed + 1
  return text
end

local function check_script(path)
  local commands = wast.read(read_file(path), path)
  for _, command in ipairs(commands or {}) do
    local source = command.module
    local bytes = type(source) == "table" and source.assemble()
    if bytes and core.validate(bytes) then
      check(("%s:%d"):format(path, command.line), bytes, source.kind ~= "binary")
    end
  end
end

local function check_binary(path)
  local bytes = read_file(path)
  local started = os.clock()
  local text = check(path, bytes, false)
  if not text then return end
  print(("%-60s %7.2f MB, text %7.2f MB, %.1f s"):format(path:match("[^/]+/[^/]+/[^/]+$") or path,
    #bytes / 1e6, #text / 1e6, os.clock() - started))
end

local function scripts(dir, chosen)
  local list = {}
  for _, name in ipairs(chosen) do list[#list + 1] = dir .. "/" .. name .. ".wast" end
  if #list > 0 then return list end
  local pipe <close> = assert(io.popen(("cd '%s' && LC_ALL=C ls *.wast %s 2>/dev/null"):format(
    dir:gsub("'", "'\\''"), table.concat(MORE, " "))))
  for name in pipe:lines() do list[#list + 1] = dir .. "/" .. name end
  return list
end

local words = table.move(arg, 2, #arg, 1, {})
if arg[1] == "--binary" then
  for _, path in ipairs(words) do check_binary(path) end
else
  for _, path in ipairs(scripts(arg[1], words)) do check_script(path) end
  for _, name in ipairs(#words == 0 and REAL or {}) do
    local there = io.open(CACHE .. name, "rb")
    if there then
      there:close()
      check_binary(CACHE .. name)
    else
      print(name .. ": not there, make cases fetches it")
    end
  end
end
print(("%d modules printed, %d came back byte by byte"):format(total.passed, total.same))
print(("%d passed, %d failed"):format(total.passed, total.failed))
os.exit(total.failed == 0 and total.passed > 0)
