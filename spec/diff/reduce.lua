--- Makes a module that differs small, and prints its text.
--   lua5.4 spec/diff/reduce.lua SEED|FILE.wat > small.wat
-- Lines and parenthesized groups are left out, or put in place of a larger one, as long as the text
-- is valid and run.lua --check still says that it differs. Environment: as for run.lua; MODES
-- with less in it is faster.
local wasm = require "wasm"
local wat = require "wasm.wat"

local CONSTANTS = { "", "(i32.const 0)", "(i64.const 0)", "(f32.const 0)", "(f64.const 0)", "drop",
                    "(ref.null func)", "(ref.null extern)", "unreachable" }

local BUILD = os.getenv("BUILD") or "build/test"
local PATH = BUILD .. "/reduce.wasm"
local LUA = os.getenv("LUA") or "lua5.4"
local tried, seen = 0, {}

--- Is the text a valid module that differs?
local function differs(text)
  if seen[text] ~= nil then return seen[text] end
  local bytes = wat.assemble(text)
  local yes = false
  if bytes and wasm.validate(bytes) then
    tried = tried + 1
    local f = assert(io.open(PATH, "wb"))
    f:write(bytes)
    f:close()
    yes = not os.execute(("%s spec/diff/run.lua --check %s >/dev/null"):format(LUA, PATH))
    if yes then io.stderr:write(("reduce: %d bytes of text, %d tries\n"):format(#text, tried)) end
  end
  seen[text] = yes
  return yes
end

--- The text without characters first..last, with `other` there instead.
local function replace(text, first, last, other)
  return text:sub(1, first - 1) .. other .. text:sub(last + 1)
end

---------------------------------------------------------------------------
-- Lines

local function lines_of(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do list[#list + 1] = line end
  return list
end

local function without_lines(list, first, last)
  local rest = table.move(list, 1, first - 1, 1, {})
  return table.move(list, last + 1, #list, first, rest)
end

--- Leave out as many lines at a time as goes.
local function fewer_lines(text)
  local list = lines_of(text)
  local size = #list // 2
  while size >= 1 do
    local at = 1
    while at + size - 1 <= #list do
      local rest = without_lines(list, at, at + size - 1)
      if differs(table.concat(rest, "\n")) then list = rest else at = at + size end
    end
    size = size // 2
  end
  return table.concat(list, "\n")
end

--- The line with the `end` of the block that begins at `first`.
local function end_of(list, first)
  local depth = 0
  for i = first, #list do
    local word = list[i]:match("^%a+")
    if word == "block" or word == "loop" or word == "if" then depth = depth + 1 end
    if word == "end" then depth = depth - 1 end
    if depth == 0 then return i end
  end
end

--- Leave out blocks of flat code, or only where they begin and end.
local function fewer_blocks(text)
  local list = lines_of(text)
  local i = 1
  while i <= #list do
    local word = list[i]:match("^%a+")
    local last = (word == "block" or word == "loop" or word == "if") and end_of(list, i)
    local whole = last and without_lines(list, i, last)
    local inside = last and without_lines(without_lines(list, last, last), i, i)
    if whole and differs(table.concat(whole, "\n")) then
      list = whole
    elseif inside and differs(table.concat(inside, "\n")) then
      list = inside
    else
      i = i + 1
    end
  end
  return table.concat(list, "\n")
end

---------------------------------------------------------------------------
-- Groups

--- Where the group that opens at `first` closes; strings hold no parentheses that count.
local function group_end(text, first)
  local depth, at = 0, first
  while true do
    local found = text:find("[()\"]", at)
    if not found then return end
    local c = text:sub(found, found)
    if c == "\"" then
      found = text:find("\"", found + 1, true)
    else
      depth = depth + (c == "(" and 1 or -1)
      if depth == 0 then return found end
    end
    at = found + 1
  end
end

--- Try what could stand for the group at first..last: nothing, a constant, a group inside it.
local function smaller_group(text, first, last)
  local size = last - first + 1
  for _, other in ipairs(CONSTANTS) do
    local candidate = #other < size and replace(text, first, last, other)
    if candidate and differs(candidate) then return candidate end
  end
  local at = text:find("(", first + 1, true)
  while at and at < last do
    local close = group_end(text, at)
    local candidate = replace(text, first, last, text:sub(at, close))
    if differs(candidate) then return candidate end
    at = text:find("(", close + 1, true)
  end
end

local function smaller_groups(text)
  local at = text:find("(", 2, true)
  while at do
    local last = group_end(text, at)
    local smaller = last and smaller_group(text, at, last)
    if smaller then text = smaller else at = at + 1 end
    at = text:find("(", at, true)
  end
  return text
end

local function read(what)
  if tonumber(what) then return require("spec.diff.generate").text(tonumber(what)) end
  local f <close> = assert(io.open(what, "rb"))
  return f:read("a")
end

local function main()
  local text = read(arg[1] or error("which seed or file?", 0))
  if not differs(text) then error("it does not differ", 0) end
  local before
  repeat
    before = text
    text = smaller_groups(fewer_blocks(fewer_lines(text)))
  until text == before
  print(text)
end

main()
