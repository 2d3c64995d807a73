--- The house rules that a machine can check, checked.
local LAYERS = { base = 1, wasm = 2, jit = 3, rt = 4, cache = 5, wasi = 5, lua = 6 }
local MACHINES = { x64 = true, a64 = true }
local MAX_LINES, MAX_WIDTH, MAX_FUNCTION = 800, 90, 80
local MAX_LUA_WIDTH = 100

local function files(command)
  local list = {}
  local pipe = assert(io.popen(command .. " | LC_ALL=C sort"))
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  return list
end

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

local function escape(s) return (s:gsub("%p", "%%%0")) end

--- Room and machine of a path or an include: "jit/x64/enc.h" -> "jit", "x64".
local function place_of(path)
  local room, rest = path:match("^(%w+)/(.+)$")
  local machine = rest and rest:match("^(%w+)/")
  return room, MACHINES[machine] and machine or nil
end

--- Longer functions than allowed: those whose body opens and closes in column one.
-- A function with one big switch may say so: /* dispatch */, once in a file.
local function long_functions(lines)
  local found, first, dispatch, spent = {}, nil, false, false
  for n, line in ipairs(lines) do
    if line == "{" then
      first, dispatch = n, false
    elseif first and line:find("/* dispatch */", 1, true) then
      dispatch = true
    elseif first and line:find("^}") then
      local size = n - first + 1
      if size > MAX_FUNCTION then
        if dispatch and not spent then
          spent = true
        else
          found[#found + 1] = ("lines %d-%d: %d lines"):format(first, n, size)
        end
      end
      first = nil
    end
  end
  return found
end

local function too_wide(lines, limit)
  for n, line in ipairs(lines) do
    local width = utf8.len(line) or #line
    if width > limit then return ("line %d is %d wide"):format(n, width) end
  end
end

local function leftovers(text)
  for _, word in ipairs { "TODO", "FIXME", "XXX", "HACK" } do
    -- XXX in XXXXXX is mkstemp's pattern, not a note
    if text:find("%f[%w_]" .. word .. "%f[^%w_]") then return word end
  end
end

describe("every C file", function()
  for _, path in ipairs(files("find src -name '*.[chS]' -o -name '*.def'")) do
    describe(path, function()
      local inner = path:gsub("^src/", "")
      local room, machine = place_of(inner)
      local name = path:match("([^/]+)$")
      local lines = read_lines(path)
      local text = table.concat(lines, "\n") .. "\n"

      it("opens with its own name, one idea and its layer", function()
        assert.truthy(text:find("^/%*\n%*%* " .. escape(name) .. " %-%- %S"), "no head comment")
        if name:find("%.def$") then return end -- a table's layer is its readers'
        local head = text:match("^(.-)%*/") or ""
        assert.truthy(head:find("\n** Layer: " .. room, 1, true), "no line `Layer: " .. room .. "`")
      end)

      it("includes only its own layer and those below", function()
        local mine = assert(LAYERS[room], "unknown room " .. room)
        for target in text:gmatch('#include "([^"]+)"') do
          local other, its_machine = place_of(target)
          local layer = LAYERS[other]
          assert.truthy(layer, "no room in include of " .. target)
          assert.is_true(layer < mine or other == room, room .. " includes " .. target)
          assert.is_true(not machine or not its_machine or machine == its_machine,
            path .. " includes " .. target)
        end
        if room ~= "lua" then
          assert.is_nil(text:match("#include%s*<lua[^>]*>"))
          assert.is_nil(text:match("#include%s*<lauxlib%.h>"))
        end
      end)

      if name:find("%.c$") then
        it("includes its own header first", function()
          local header = inner:gsub("%.c$", ".h")
          local f = io.open("src/" .. header)
          if not f then return end
          f:close()
          assert.equal(header, text:match('#include ["<]([^">]+)[">]'))
        end)
      end

      it("stays readable in size", function()
        assert.is_true(#lines <= MAX_LINES, #lines .. " lines")
        assert.is_nil(too_wide(lines, MAX_WIDTH))
        assert.same({}, long_functions(lines))
      end)

      it("leaves no notes to self", function()
        assert.is_nil(leftovers(text))
      end)
    end)
  end
end)

describe("every C file of the specs", function()
  for _, path in ipairs(files("find spec -name '*.[ch]'")) do
    it(path .. " is named and stays readable in size", function()
      local lines = read_lines(path)
      local name = escape(path:match("([^/]+)$"))
      local head = lines[1] .. lines[2]
      assert.truthy(head:find("^/%*[%s*]* " .. name .. " %-%- %S"), "no head comment")
      assert.is_true(#lines <= MAX_LINES, #lines .. " lines")
      assert.is_nil(too_wide(lines, MAX_WIDTH))
      assert.same({}, long_functions(lines))
      assert.is_nil(leftovers(table.concat(lines, "\n")))
    end)
  end
end)

describe("every Lua file", function()
  for _, path in ipairs(files("find lua spec examples -name '*.lua' 2>/dev/null")) do
    describe(path, function()
      local lines = read_lines(path)

      it("says first what it is", function()
        local line = lines[1]:find("^#!") and lines[2] or lines[1]
        if path:find("_spec%.lua$") then return end
        assert.truthy(line:find("^%-%-%-? ?%S"), "no head comment")
      end)

      it("stays readable in size", function()
        assert.is_true(#lines <= MAX_LINES, #lines .. " lines")
        assert.is_nil(too_wide(lines, MAX_LUA_WIDTH))
      end)

      if path ~= "spec/meta/house_spec.lua" then
        it("leaves no notes to self", function()
          assert.is_nil(leftovers(table.concat(lines, "\n")))
        end)
      end
    end)
  end
end)

describe("the shared object", function()
  it("exports luaopen_* and nothing else", function()
    local lib = assert(package.searchpath("wasm.core", package.cpath))
    local names = files(("nm -D --defined-only %s | awk '{print $3}'"):format(lib))
    -- the sanitizers' own bookkeeping is not ours
    local ours = {}
    for _, name in ipairs(names) do
      if not name:find("^__asan_") and not name:find("^__odr_asan") then ours[#ours + 1] = name end
    end
    assert.is_true(#ours > 0)
    for _, name in ipairs(ours) do assert.truthy(name:find("^luaopen_"), name .. " is visible") end
  end)
end)
