--- Modules whose exports are called, and the results they gave elsewhere.
-- Each entry: file in the cache, and run(case) which calls case.instantiate and case.equal.
local json = require "dkjson"

local plain = {}

plain["xxhash"] = {
  file = "xxhash-wasm-1.1.0/workerd/xxhash.wasm",
  run = function(case)
    local inst = case.instantiate()
    inst.exports.mem:write(0, "abc")
    case.equal("xxh32", 0x32d153ff, inst.exports.xxh32(0, 3, 0) & 0xffffffff)
    case.equal("xxh64", 0x44bc2cf5ad770999, inst.exports.xxh64(0, 3, 0))
  end,
}

plain["blake2b"] = {
  file = "argon2-wasm-edge-1.0.23/wasm/blake2b.wasm",
  run = function(case)
    local e = case.instantiate().exports
    e.Hash_Init(512)
    local at = e.Hash_GetBuffer()
    e.memory:write(at, "abc")
    e.Hash_Update(3)
    e.Hash_Final()
    local hex = e.memory:read(at, 64):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    case.equal("BLAKE2b-512", case.digest("b2sum", "abc"), hex)
  end,
}

plain["argon2"] = {
  file = "argon2-wasm-edge-1.0.23/wasm/argon2.wasm",
  run = function(case)
    local e = case.instantiate().exports
    e.Hash_SetMemorySize(66560)
    local at = e.Hash_GetBuffer()
    local bytes = {}
    for i = 0, 1023 do bytes[#bytes + 1] = string.char(i & 255) end
    for i = 1024, 2047 do bytes[#bytes + 1] = string.char(i * 7 & 255) end
    e.memory:write(at, table.concat(bytes))
    e.memory:write(at + 65536, ("<i4i4i4i4i4i4"):pack(1, 32, 64, 2, 0x13, 2))
    e.Hash_Calculate(0, 64)
    case.equal("SHA-256", "13aaa11f42cd3c0ec8fe16a9d388ea6267f12008001fbd256b09b4a462db0c89",
      case.digest("sha256sum", e.memory:read(at, 1024)))
  end,
}

local function dprint(file, path, source, want)
  return {
    file = file,
    run = function(case)
      local e = case.instantiate().exports
      local function send(text)
        e.memory:write(e.clear_shared_bytes(#text), text)
      end
      send('{"global":{},"plugin":{}}')
      e.register_config(1)
      send(path)
      e.set_file_path()
      send(source)
      case.equal("format", 1, e.format(1))
      local n = e.get_formatted_text()
      case.equal("text", want, e.memory:read(e.get_shared_bytes_ptr(), n))
    end,
  }
end

plain["dprint-json"] = dprint("dprint-json-0.24.0/plugin.wasm", "/a.json",
  '{"a":1,"b":[1,2,\n3]}', '{ "a": 1, "b": [1, 2, 3] }\n')

plain["dprint-typescript"] = dprint("dprint-typescript-0.96.1/plugin.wasm", "/a.ts",
  "let x={a:1,b:2};function f(a:number){return a+1}",
  "let x = { a: 1, b: 2 };\nfunction f(a: number) {\n  return a + 1;\n}\n")

local SPECIAL = { ["NaN"] = 0 / 0, ["inf"] = math.huge, ["-inf"] = -math.huge, ["-0"] = -0.0 }

local function from_json(value)
  if type(value) == "table" then return math.tointeger(tonumber(value.i64)) end
  return SPECIAL[value] or value
end

--- 1,494 recorded calls; a line {"imp":...} is a call of memcpy made by the export after it.
plain["box2d"] = {
  file = "box2d-wasm-7.0.0/dist/umd/Box2D.wasm",
  run = function(case)
    local memory
    local copies, recorded, calls = {}, {}, 0
    local function memcpy(to, from, n)
      copies[#copies + 1] = table.concat({ to, from, n }, " ")
      memory:write(to, memory:read(from, n))
      return to
    end
    local inst = case.instantiate(function(_, name)
      if name == "m" then return memcpy end
      return function() error("import a." .. name .. " was called") end
    end)
    memory = inst.exports.o
    for line in io.lines("spec/cases/box2d.jsonl") do
      local step = assert(json.decode(line))
      if step.imp then
        recorded[#recorded + 1] = table.concat(step.args, " ")
      elseif step.call then
        local args = {}
        for _, arg in ipairs(step.args) do
          if type(arg) ~= "table" or arg.i64 then args[#args + 1] = from_json(arg) end
        end
        calls = calls + 1
        case.equal("call " .. calls .. " " .. step.call, from_json(step.ret),
          (inst.exports[step.call](table.unpack(args))))
      end
    end
    case.equal("calls", 1494, calls)
    case.equal("copies", table.concat(recorded, "\n"), table.concat(copies, "\n"))
  end,
}

--- A cartridge of our own: thirteen Fibonacci numbers to 0xC000, one tile, one row of it on screen.
local function cartridge()
  local program = "31 FE FF"           -- ld sp,FFFE
    .. "AF 06 01 0E 0D 21 00 C0"       -- a = 0, b = 1, c = 13, hl = C000
    .. "22 50 80 5F 7A 43 0D 20 F7"    -- [hl+] = a; a, b = b, a + b; until --c == 0
    .. "AF E0 40"                      -- display off
    .. "21 10 80 06 10 3E 5A"          -- tile 1: 5A A5 5A A5 ...
    .. "22 2F 05 20 FB"
    .. "21 00 98 06 20 3E 01"          -- the first row of the map: tile 1
    .. "22 05 20 FC"
    .. "3E 91 E0 40 18 FE"             -- display on; stay here
  program = program:gsub("%s", ""):gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)
  local image = ("\0"):rep(0x100) .. "\x00\xC3\x50\x01"
  image = image .. ("\0"):rep(0x150 - #image) .. program
  return image .. ("\0"):rep(0x8000 - #image)
end

plain["wasmboy"] = {
  file = "wasmboy-0.7.1/dist/core/core.untouched.wasm",
  run = function(case)
    local function abort() error("abort was called") end
    local e = case.instantiate({ env = { abort = abort } }).exports
    e.memory:write(e.CARTRIDGE_ROM_LOCATION.value, cartridge())
    e.config(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    case.equal("frames", 0, e.executeMultipleFrames(60))
    local at = e.getWasmBoyOffsetFromGameBoyOffset(0xC000)
    case.equal("memory", "0 1 1 2 3 5 8 13 21 34 55 89 144",
      table.concat({ e.memory:read(at, 13):byte(1, 13) }, " "))
    local registers = {}
    for name in ("ABCDEHLF"):gmatch(".") do
      registers[#registers + 1] = name .. e["getRegister" .. name]()
    end
    case.equal("registers", "A145 B0 C0 D233 E121 H152 L32 F192", table.concat(registers, " "))
    case.equal("program counter", 386, e.getProgramCounter())
    case.equal("stack pointer", 65534, e.getStackPointer())
    case.equal("scan line", 149, e.getLY())
    case.equal("steps", 351240, e.getSteps())
    case.equal("cycles", 4213440, e.getCycles())
    case.equal("picture", "8678066a6fd6132df2f677db1b58265ac9e8c633fbe5ee624689283399e5c146",
      case.digest("sha256sum", e.memory:read(e.FRAME_LOCATION.value, e.FRAME_SIZE.value)))
  end,
}

return plain
