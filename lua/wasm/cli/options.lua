--- Command lines: options and operands told apart, and the help that describes them.
-- A command is a table:
--   usage      what follows `luawasm NAME`, one line each
--   summary    one line for the list of commands
--   text       paragraphs of help
--   options    { "-o, --output", "FILE", "what it does", list = true } each; no placeholder: a flag
--   operands   { least, most }
--   guest      true: what follows the first operand is not ours
--   run        function(given, operands) -> exit code; given["output"] = value, list or true

local core = require "wasm.core"
local shell = require "wasm.cli.shell"

local options = {}

local WIDTH = 80

local function usage_error(name, message, ...)
  shell.fail(shell.USAGE, "%s\nTry 'luawasm %s --help'.", message:format(...), name)
end
options.usage_error = usage_error

--- "; did you mean 'x'?" if one of these words is close to what was typed, else "".
---@param word string
---@param words string[]
---@return string
function options.guess(word, words)
  local best = core.nearest(word, words)
  return best and ("; did you mean '%s'?"):format(best) or ""
end

-- By each spelling: the option, and what `given` calls it.
local function by_spelling(command)
  local known = { ["-h"] = { key = "help" }, ["--help"] = { key = "help" } }
  for _, option in ipairs(command.options or {}) do
    local entry = { key = option[1]:match("%-%-([%w-]+)"), value = option[2], list = option.list }
    for spelling in option[1]:gmatch("%-[%w-]+") do known[spelling] = entry end
  end
  return known
end

local function long_names(known)
  local names = {}
  for spelling in pairs(known) do
    if spelling:find("^%-%-") then names[#names + 1] = spelling end
  end
  table.sort(names)
  return names
end

-- Negative numbers are operands.
local function is_operand(word)
  return word == "-" or not word:find("^%-") or word:find("^%-[%d.]") or word:find("^%-inf$")
    or word:find("^%-nan$") or word:find("^%-nan:")
end

local function store(name, given, entry, spelling, value)
  if entry.list then
    given[entry.key] = given[entry.key] or {}
    table.insert(given[entry.key], value)
  elseif given[entry.key] ~= nil and entry.value then
    usage_error(name, "option '%s' is given twice", spelling)
  else
    given[entry.key] = value
  end
end

-- "--key=value", "-kvalue", "--key": the spelling and the value that is attached.
local function split(word)
  local spelling, value = word:match("^(%-%-[^=]+)=(.*)$")
  if spelling then return spelling, value end
  if word:find("^%-[^-].") then return word:sub(1, 2), word:sub(3) end
  return word
end

--- Read the arguments of a command.
---@param name string
---@param command table
---@param args string[]
---@return table given
---@return string[] operands
function options.parse(name, command, args)
  local known, given, operands = by_spelling(command), {}, {}
  local k = 1
  while k <= #args do
    local word = args[k]
    if word == "--" then
      table.move(args, k + 1, #args, #operands + 1, operands)
      break
    elseif is_operand(word) then
      operands[#operands + 1] = word
      if command.guest then
        table.move(args, k + 1, #args, #operands + 1, operands)
        break
      end
    else
      local spelling, value = split(word)
      local entry = known[spelling]
      if not entry then
        local guess = options.guess(spelling, long_names(known))
        usage_error(name, "unknown option '%s'%s", spelling, guess)
      end
      if entry.value and not value then
        k = k + 1
        value = args[k]
        if not value then
          usage_error(name, "option '%s' needs a value: %s", spelling, entry.value)
        end
      elseif value and not entry.value then
        usage_error(name, "option '%s' takes no value", spelling)
      end
      store(name, given, entry, spelling, value or true)
    end
    k = k + 1
  end
  return given, operands
end

--- As many operands as the command takes?
function options.check_operands(name, command, operands)
  local least, most = table.unpack(command.operands)
  if #operands < least then
    usage_error(name, "an argument is missing: luawasm %s %s", name, command.usage[1])
  elseif #operands > most then
    usage_error(name, "one argument too many: '%s'", operands[most + 1])
  end
end

--- An option's value as an integer within bounds.
---@return integer?
function options.integer(name, given, key, least, most)
  local text = given[key]
  if text == nil then return nil end
  local value = text:find("^%d+$") and math.tointeger(tonumber(text))
  if not value or value < least or value > most then
    usage_error(name, "option '--%s': '%s' is no number from %d to %d", key, text, least, most)
  end
  return value
end

local UNITS = { [""] = 0, b = 0, k = 10, m = 20, g = 30 }

--- "4096", "64K", "64MiB": a number of bytes, or nil.
---@param text string
---@return integer?
function options.size(text)
  local digits, unit = text:match("^(%d+)([%a]*)$")
  local shift = unit and UNITS[unit:lower():gsub("i?b$", "")]
  local value = digits and math.tointeger(tonumber(digits))
  if not shift or not value or value > math.maxinteger >> shift then return nil end
  return value << shift
end

---------------------------------------------------------------------------
-- Help

local function wrapped(text, indent)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and #indent + #line + 1 + #word > WIDTH then
      lines[#lines + 1], line = line, ""
    end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. indent)
end

local COLUMN = 28

--- "  left          right, wrapped"
---@param left string
---@param right string
---@param column? integer
---@return string
function options.row(left, right, column)
  column = column or COLUMN
  local indent = (" "):rep(column)
  local start = "  " .. left
  start = #start < column - 1 and start .. (" "):rep(column - #start) or start .. "\n" .. indent
  return start .. wrapped(right, indent) .. "\n"
end

--- The help of a command.
---@return string
function options.help(name, command)
  local out = { command.summary:sub(1, 1):upper() .. command.summary:sub(2), ".\n\n" }
  for k, usage in ipairs(command.usage) do
    out[#out + 1] = ("%-7sluawasm %s %s\n"):format(k == 1 and "usage:" or "", name, usage)
  end
  if command.text then
    for paragraph in (command.text .. "\n\n"):gmatch("(.-)\n%s*\n") do
      local is_example = paragraph:find("^ ")
      out[#out + 1] = "\n" .. (is_example and paragraph or wrapped(paragraph, "")) .. "\n"
    end
  end
  if command.options and #command.options > 0 then
    out[#out + 1] = "\noptions:\n"
    for _, option in ipairs(command.options) do
      local left = option[1]:find("^%-%-") and "    " .. option[1] or option[1]
      out[#out + 1] = options.row(option[2] and left .. " " .. option[2] or left, option[3])
    end
  end
  return table.concat(out)
end

return options
