--- The SQL of SQLite's own tests, as a script for its shell.
-- The tests are Tcl: SQL in braces behind commands such as do_execsql_test, with the results after
-- it. Here the SQL alone is taken, block by block, and what the native shell makes of it is the
-- result. A $variable of Tcl is an unbound parameter then, and functions that only the test
-- program has do not exist: an error message like any other.
local sqlite = {}

local COMMANDS = { "do_execsql_test", "do_catchsql_test", "do_eqp_test", "execsql", "catchsql" }

-- Blocks with these are left out: what differs from run to run or from system to system, and
-- commands of the shell.
local VARY = { "random", "'now'", "\"now\"", "current_", "\n%s*[.#]", "^%s*[.#]", "localtime",
               "sqlite_compileoption", "compile_options", "strftime%('[^']*'%)", "/tmp" }

local function varies(sql)
  local low = sql:lower()
  for _, pattern in ipairs(VARY) do
    if low:find(pattern) then return true end
  end
end

--- The blocks of one test, in order, and how many of them vary.
---@param text string
---@return string[] blocks
---@return integer left_out
function sqlite.blocks(text)
  local found, left_out = {}, 0
  for _, command in ipairs(COMMANDS) do
    local named = command:find("^do_")
    local pattern = "%f[%w_]" .. command .. (named and "%s+[%w_.$%-]+" or "") .. "%s+()(%b{})"
    for at, block in text:gmatch(pattern) do
      local sql = block:sub(2, -2)
      if varies(sql) then
        left_out = left_out + 1
      else
        found[#found + 1] = { at = at, sql = sql }
      end
    end
  end
  table.sort(found, function(a, b) return a.at < b.at end)
  local blocks = {}
  for i, block in ipairs(found) do blocks[i] = block.sql end
  return blocks, left_out
end

--- Scripts that run the blocks of several tests, each test in a database of its own.
---@param tests { name: string, blocks: string[] }[]
---@param database string a file's name, or ":memory:"
---@return table<string, string> files the tests' scripts
---@return string main what reads them, for stdin
function sqlite.script(tests, database)
  local files, main = {}, { ".mode quote", ".nullvalue NULL" }
  local open = database == ":memory:" and ".open :memory:" or ".open --new " .. database
  for _, test in ipairs(tests) do
    local name = ("tests/%s.sql"):format(test.name)
    files[name] = "PRAGMA synchronous = OFF;\n" .. table.concat(test.blocks, "\n;\n") .. "\n;\n"
    table.move({ ".print == " .. test.name, open, ".read " .. name }, 1, 3, #main + 1, main)
  end
  return files, table.concat(main, "\n") .. "\n"
end

return sqlite
