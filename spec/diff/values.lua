--- What both sides of a differential run agree on: arguments, hashes, how values are written.
-- v8.js does the same in JavaScript; a change here is a change there. Numbers are bit patterns
-- all the way, so that only NaNs need a rule: every NaN is written as the canonical one.
local values = {}

local CHUNK = 1024
local WORDS = "<" .. ("I4"):rep(128)
local WORDS_SIZE = 128 * 4

--- Awkward arguments of each type, as bit patterns.
local AWKWARD = {
  i32 = { 0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 31, 32, 0xffff, 0xfffc, 0x10000, 8, 255 },
  i64 = { 0, 1, -1, math.mininteger, math.maxinteger, 63, 64, 0xffffffff, 0x80000000, 0x100000000,
          -0x80000000, 0x123456789abcdef0 },
  f32 = { 0, 0x80000000, 0x3f800000, 0xbfc00000, 0x4f000000, 0xcf000000, 0x4f800000, 0x7f800000,
          0xff800000, 0x7fc00000, 1, 0x5f000000 },
  f64 = { 0, math.mininteger, 0x3ff0000000000000, -0x4008000000000000, 0x41e0000000000000,
          -0x3e20000000000000, 0x41f0000000000000, 0x7ff0000000000000, -0x10000000000000,
          0x7ff8000000000000, 1, 0x43e0000000000000 },
  none = { "null" },
  funcref = { "null", "func" },
  externref = { "null", "host" },
  anyref = { "null", "i31:5", "host", "i31:-7" },
  eqref = { "null", "i31:5", "i31:-7" },
  i31ref = { "null", "i31:5", "i31:-7" },
  ["(ref i31)"] = { "i31:5", "i31:-7" },
  ["(ref eq)"] = { "i31:5", "i31:-7" },
  ["(ref any)"] = { "i31:5", "host" },
  ["(ref func)"] = { "func" },
  ["(ref extern)"] = { "host" },
}

-- What V8 does not take from JavaScript, nor give it.
local INNER = { v128 = true, exnref = true, ["(ref exn)"] = true, nullexnref = true,
                ["(ref noexn)"] = true }

--- What a host function may answer with: the same number as f32 and f64.
local ANSWERS = { 0.0, -0.0, 1.0, -1.5, 3e9, -0x1p66, math.huge, 0 / 0 }

--- "(i32, f64) -> (i64, f32)" -> { "i32", "f64" }, { "i64", "f32" }
---@param text string
---@return string[] params
---@return string[] results
function values.signature(text)
  local lists = {}
  for k, side in ipairs { text:match("^(.*)%->(.*)$") } do
    lists[k] = {}
    local inside = not side:find("^%s*%(ref ") and side:match("^%s*(%b())%s*$")
    side = (inside and inside:sub(2, -2) or side):gsub("%b()", function(ref)
      return (ref:gsub(" ", "_"))
    end)
    for name in side:gmatch("[%w_()]+") do table.insert(lists[k], (name:gsub("_", " "))) end
  end
  return lists[1], lists[2]
end

--- The type of the value in a global: "(mut i32)" -> "i32".
---@param text string
function values.global_type(text)
  return text:match("^%(mut (.*)%)$") or text
end

--- Argument list number `k` (from 0) for these parameters, written as in a plan.
---@param params string[]
---@param k integer
---@return string[]
function values.arguments(params, k)
  local list = {}
  for i, type in ipairs(params) do
    local some = AWKWARD[type] or AWKWARD.none
    local at = k == 0 and 0 or (k * 5 + i * 7 + (k * i) // 3) % #some
    local v = some[at + 1]
    list[i] = math.type(v) == "integer" and ("0x%x"):format(v) or v
  end
  return list
end

--- One step of the hash.
---@param h integer
---@param word integer  only its low 32 bits count
function values.step(h, word)
  h = ((h ~ (word & 0xffffffff)) * 0x01000193) & 0xffffffff
  return h ~ (h >> 15)
end
local step = values.step

local NAN = { f32 = 0x7fc00000, f64 = 0x7ff8000000000000 }

--- A bit pattern with every NaN made canonical; as many hex digits as it has.
---@param type string
---@param bits integer
local function normal(type, bits)
  if type == "i32" then return bits & 0xffffffff end
  if type == "f32" and bits & 0x7fffffff > 0x7f800000 then return NAN.f32 end
  if type == "f64" and bits & math.maxinteger > 0x7ff0000000000000 then return NAN.f64 end
  return bits
end

local function show(type, value, name_of)
  if NAN[type] or type == "i32" or type == "i64" then
    return ("0x%x"):format(normal(type, value))
  end
  if INNER[type] then return "-" end
  if value == nil then return "null" end
  local kind = _G.type(value)
  if kind == "function" then return "func:" .. (name_of(value) or "?") end
  if kind == "number" then return ("i31:%d"):format(value) end
  return kind == "userdata" and "object" or "host"
end

--- Results as text. References are "null", "host", "object", "i31:" and its number, or "func:" and
--- the export they are.
---@param types string[]
---@param list table  as F:bits gives them
---@param name_of fun(f: function): string?
function values.show(types, list, name_of)
  local out = {}
  for i, type in ipairs(types) do out[i] = show(type, list[i], name_of) end
  return table.concat(out, " ")
end

local FORMATS = { f32 = { "<f", "<I4" }, f64 = { "<d", "<i8" } }

--- The bit pattern of a Lua value of this type; a reference stays what it is.
---@param type string
---@param value any
function values.bits(type, value)
  local formats = FORMATS[type]
  if not formats then return value end
  return (string.unpack(formats[2], string.pack(formats[1], value)))
end

--- The hash of what a host function was called with.
---@param index integer  which import it is
---@param types string[]
---@param list table
function values.hash_call(index, types, list)
  local h = step(0x811c9dc5, index)
  for i, type in ipairs(types) do
    local v = values.bits(type, list[i])
    if math.type(v) == "integer" then
      v = normal(type, v)
      h = step(h, v)
      if type == "i64" or type == "f64" then h = step(h, v >> 32) end
    else
      h = step(h, v == nil and 0 or 1)
    end
  end
  return h
end

--- What a host function answers, out of that hash.
---@param types string[]
---@param h integer
---@param host any  the value that stands for host references
---@return table list  with n
function values.answers(types, h, host)
  local list = { n = #types }
  for i, type in ipairs(types) do
    h = step(h, i)
    if type == "i32" then
      list[i] = string.unpack("<i4", string.pack("<I4", h))
    elseif type == "i64" then
      list[i] = h << 32 | step(h, 7)
    elseif FORMATS[type] then
      list[i] = ANSWERS[h % #ANSWERS + 1]
    elseif type == "externref" and h & 1 == 1 then
      list[i] = host
    end
  end
  return list
end

local function hash_chunk(chunk)
  local h = 0
  for at = 1, #chunk, WORDS_SIZE do
    local words = { string.unpack(WORDS, chunk, at) }
    for i = 1, 128 do h = step(h, words[i]) end
  end
  return h
end

local ZEROS = ("\0"):rep(CHUNK)
local ZEROS_HASH = hash_chunk(ZEROS)

--- Hash of a memory's contents (whole pages).
---@param bytes string
---@param memo table  empty at first, then as the call before left it: what is the same costs little
function values.hash_memory(bytes, memo)
  if memo.bytes == bytes then return memo.hash end
  local h, index = 0, 0
  for at = 1, #bytes, CHUNK do
    index = index + 1
    local chunk = bytes:sub(at, at + CHUNK - 1)
    if chunk == ZEROS then
      h = step(h, ZEROS_HASH)
    else
      if memo[index] ~= chunk then memo[index], memo[-index] = chunk, hash_chunk(chunk) end
      h = step(h, memo[-index])
    end
  end
  memo.bytes, memo.hash = bytes, h
  return h
end

-- Traps by what V8 can tell apart.
local TRAPS = {
  ["undefined element"] = "table", ["out of bounds table access"] = "table",
  ["uninitialized element"] = "signature", ["indirect call type mismatch"] = "signature",
  ["integer overflow"] = "unrepresentable", ["invalid conversion to integer"] = "unrepresentable",
  ["out of bounds memory access"] = "memory", ["integer divide by zero"] = "divide by zero",
  ["call stack exhausted"] = "exhausted", ["unreachable"] = "unreachable",
  ["out of memory for objects"] = "exhausted",
  ["null reference"] = "null", ["null function reference"] = "null",
  ["null structure reference"] = "null", ["null array reference"] = "null",
  ["null i31 reference"] = "null", ["null exception reference"] = "null",
  ["cast failure"] = "cast", ["out of bounds array access"] = "array",
  ["unaligned atomic"] = "unaligned", ["expected shared memory"] = "not shared",
}

--- A trap's wording, coarse enough for both engines.
---@param wording string
function values.trap(wording)
  return TRAPS[wording] or wording
end

--- Can the host call a function of this type, on both sides?
---@param type string
function values.is_callable(type)
  local params, results = values.signature(type)
  for _, each in ipairs(params) do
    local needs_one = each:find("^%(ref ") and not each:find("^%(ref null ")
    if INNER[each] or needs_one and not AWKWARD[each] then return false end
  end
  for _, each in ipairs(results) do if INNER[each] then return false end end
  return true
end

local function is_wanted(export, round)
  if export.kind ~= "function" or export.name == "hangLimitInitializer" then return false end
  return values.is_callable(export.type) and (round == 0 or #values.signature(export.type) > 0)
end

--- What both sides follow: a line for each import, export and call.
---@param imports { module: string, name: string, kind: string, type: string }[]
---@param exports { name: string, kind: string, type: string }[]
---@param times integer  calls of each function that has parameters
---@return string[] lines
function values.plan(imports, exports, times)
  local lines = {}
  local function add(...) lines[#lines + 1] = table.concat({ ... }, "\t") end
  for _, i in ipairs(imports) do add("import", i.module, i.name, i.kind, i.type) end
  for _, e in ipairs(exports) do add("export", e.name, e.kind, e.type) end
  for round = 0, times - 1 do
    for _, e in ipairs(exports) do
      if is_wanted(e, round) then
        local params = values.signature(e.type)
        add("call", e.name, e.type, table.concat(values.arguments(params, round), " "))
      end
    end
  end
  return lines
end

return values
