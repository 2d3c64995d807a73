--- A C library as a module: QR codes from guests/qrcode, and zlib as a stream from guests/zlib.
--   lua5.4 examples/library.lua ["text for the code"]
local wasm = require "wasm"
local here = arg[0]:match("^(.*/)") or "./"

-- QR codes: text in, squares out ---------------------------------------------------------
local qr = assert(wasm.load(here .. "guests/qrcode/qrcode.wasm"))
local qrcode = assert(qr:instantiate())

--- The code as an array of rows of booleans, true for dark.
local function encode(text, level)
  assert(#text < 4096, "too long")
  qrcode.memory:write(qrcode.exports.text(), text .. "\0")
  local size = qrcode.exports.make(level or 1)
  if size == 0 then return nil, "does not fit into a QR code" end
  local rows = {}
  for y = 1, size do
    rows[y] = {}
    for x = 1, size do rows[y][x] = qrcode.exports.module(x - 1, y - 1) ~= 0 end
  end
  return rows
end

--- Two rows a line, light on dark, as most terminals show it best.
local function draw(rows)
  local function light(y, x) return not (rows[y] and rows[y][x]) end
  for y = -1, #rows + 2, 2 do
    local line = {}
    for x = -1, #rows + 2 do
      local upper, lower = light(y, x), light(y + 1, x)
      line[#line + 1] = upper and (lower and "█" or "▀") or (lower and "▄" or " ")
    end
    print(table.concat(line))
  end
end

local text = arg[1] or "Hello from WebAssembly in Lua"
local rows = assert(encode(text))
draw(rows)
print(("%d x %d squares for %d bytes of text"):format(#rows, #rows, #text))
-- The three finder patterns every QR code has, and the light square beside the first.
assert(rows[1][1] and rows[1][#rows] and rows[#rows][1] and not rows[8][8])
assert(#assert(encode("A")) == 21 and encode(("x"):rep(3000), 3) == nil)

-- zlib: blocking C between a Lua reader and a Lua writer ------------------------------------
local zlib = assert(wasm.load(here .. "guests/zlib/zlib.wasm"))

--- Run zlib's loop `name` over an iterator of strings; gives an iterator of strings. The C
-- code calls read and write and blocks in them; here both simply hand over to Lua.
local function stream(name, pieces, ...)
  local arguments = table.pack(...)
  return coroutine.wrap(function()
    local inst, rest
    inst = assert(zlib:instantiate {
      host = {
        read = function(offset, capacity)
          while rest == "" or not rest do
            rest = pieces()
            if not rest then return 0 end
          end
          local piece = rest:sub(1, capacity)
          rest = rest:sub(capacity + 1)
          inst.memory:write(offset, piece)
          return #piece
        end,
        write = function(offset, count) coroutine.yield(inst.memory:read(offset, count)) end,
      },
    })
    local status = inst.exports[name](table.unpack(arguments))
    inst:close()
    if status ~= 0 then error("zlib: error " .. status, 0) end
  end)
end

--- A large text that is never in memory as a whole.
local function lines(count)
  local n = 0
  return function()
    n = n + 1
    if n <= count then return ("line %d: %d squared is %d\n"):format(n, n, n * n) end
  end
end

local COUNT = 20000
local packed, raw_size, packed_size = {}, 0, 0
for line in lines(COUNT) do raw_size = raw_size + #line end
local start = os.clock()
for piece in stream("deflate", lines(COUNT), 6) do
  packed[#packed + 1] = piece
  packed_size = packed_size + #piece
end
print(("packed %d bytes into %d, %.0f %%, %.0f ms"):format(raw_size, packed_size,
  100 * packed_size / raw_size, (os.clock() - start) * 1000))

local function each(list)
  local n = 0
  return function()
    n = n + 1
    return list[n]
  end
end

local want, have, checked = lines(COUNT), "", 0
for piece in stream("inflate", each(packed)) do
  have = have .. piece
  local from = 1
  while true do
    local stop = have:find("\n", from, true)
    if not stop then break end
    assert(have:sub(from, stop) == want())
    from, checked = stop + 1, checked + 1
  end
  have = have:sub(from)
end
print(checked .. " lines came back as they were")
assert(checked == COUNT and have == "")

packed[2] = packed[2]:reverse() -- damage is noticed
assert(not pcall(function() for _ in stream("inflate", each(packed)) do end end))
print("a damaged stream is refused")
