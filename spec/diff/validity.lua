--- Which bytes are modules? Ours against V8's answer, for modules changed a little.
-- Changed modules are only decoded and validated, never run: a change may make a loop endless.
local Random = require "spec.diff.random"
local wasm = require "wasm"

local validity = {}

-- Bytes that mean much: types, prefixes, operators that open, close, branch and call.
local TELLING = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
                  0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x1a, 0x1b, 0x1c, 0x1f, 0x20, 0x21,
                  0x22, 0x40, 0x4e, 0x4f, 0x50, 0x5e, 0x5f, 0x60, 0x63, 0x64, 0x69, 0x6a, 0x6b,
                  0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x77, 0x78, 0x7b, 0x7c,
                  0x7d, 0x7e, 0x7f, 0x80, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xfb, 0xfc,
                  0xfd, 0xfe, 0xff }

local function change(bytes, r)
  local at = r:range(9, #bytes)
  local old = bytes:byte(at)
  local how = r:below(5)
  local new = how == 0 and r:below(256) or how == 1 and (old + 1) & 0xff
    or how == 2 and (old - 1) & 0xff or how == 3 and bytes:byte(r:range(9, #bytes))
    or r:pick(TELLING)
  return bytes:sub(1, at - 1) .. string.char(new) .. bytes:sub(at + 1)
end

--- The modules, each changed `times` times, one to three bytes at a time.
---@param modules string[]
---@param times integer
---@param seed integer
---@return string[]
function validity.mutants(modules, times, seed)
  local r = Random.new(seed)
  local list = {}
  for _, bytes in ipairs(modules) do
    for _ = 1, times do
      local changed = bytes
      for _ = 1, r:pick { 1, 1, 1, 2, 3 } do changed = change(changed, r) end
      list[#list + 1] = changed
    end
  end
  return list
end

-- What is said here or by V8 when only one accepts, and the standard is with us or silent.
local DIFFERENT = {
  "^unsupported", -- a feature that is not ours
  "implementation limit", "exceeds the limit", "maximum .* size", "limit of",
  "mix of legacy and new exception handling",
  "invalid memory limits flags 0x[89a-f]", "invalid numeric opcode: 0xfc1[3-6]", -- not in V8
  "br_on_non_null: the label takes no reference", -- V8 forgets to look
  "^malformed: malformed reference type", -- V8 takes empty element segments of numbers
  -- V8 takes anything there in dead code.
  "^invalid: .*: ref%.eq", "^invalid: .* but stack has %[%(ref bottom%)%]",
  -- What falls out of a loop keeps its type in V8, though the loop's is another.
  "^invalid: type mismatch: instruction requires %[.*ref.* but stack has %[.*ref",
}

--- Is this one of the known differences?
function validity.is_known(ours, theirs)
  for _, pattern in ipairs(DIFFERENT) do
    if ours:find(pattern) or theirs:find(pattern) then return true end
  end
  return false
end

--- Our answer: "valid", or the error.
---@param bytes string
---@return string
function validity.ours(bytes)
  local ok, err = wasm.validate(bytes)
  return ok and "valid" or err.kind .. ": " .. err.message
end

--- Write modules in the form that validity.js reads.
---@param path string
---@param list string[]
function validity.write(path, list)
  local f <close> = assert(io.open(path, "wb"))
  for _, bytes in ipairs(list) do f:write(string.pack("<s4", bytes)) end
end

return validity
