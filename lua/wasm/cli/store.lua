--- `luawasm compile` and `cache`: code that is compiled once and kept on disk.

local core = require "wasm.core"
local modules = require "wasm.cli.modules"
local options = require "wasm.cli.options"
local shell = require "wasm.cli.shell"

local compile = {
  usage = { "[OPTIONS] FILE..." },
  summary = "compile modules into the cache",
  text = [[
A module that is in the cache starts without being compiled. 'luawasm run' puts small modules there
by itself; of large ones it compiles only what is called, so they are worth a compile beforehand.]],
  options = {
    { "--cache", "DIR", "the cache's directory (default: the user's)" },
    { "-q, --quiet", nil, "print nothing" },
  },
  operands = { 1, math.huge },
}

local function compile_one(path, cache, quiet)
  local before, started = cache:stats(), core.clock()
  local mod = modules.open(path, { eager = true, cache = cache })
  local seconds, after = core.clock() - started, cache:stats()
  local said
  if after.stored > before.stored then
    said = ("compiled, %s, %.2f s"):format(modules.human(mod:size()), seconds)
  elseif after.disk_hits > before.disk_hits or after.hits > before.hits then
    said = "in the cache already"
  else
    shell.fail(shell.FAILED, "%s: compiled, but could not be stored in the cache",
      shell.name_of(path))
  end
  mod:close()
  if not quiet then shell.out(shell.word(shell.name_of(path)), ": ", said, "\n") end
end

function compile.run(given, operands)
  shell.end_at_interrupt()
  local cache, code = modules.open_cache(given.cache, "rw"), shell.OK
  for _, path in ipairs(operands) do
    local ok, err = pcall(compile_one, path, cache, given.quiet)
    if not ok then
      if not shell.is_failure(err) or err.code == shell.BROKEN_PIPE then error(err, 0) end
      shell.say(err.message)
      code = shell.FAILED
    end
  end
  return code
end

local cache = {
  usage = { "ls [OPTIONS]", "prune [OPTIONS] [BYTES]", "verify [OPTIONS]", "clear [OPTIONS]" },
  summary = "look at the cache of compiled code, and clean it up",
  text = [[
ls lists the entries, the longest unused first: the day of the last use, bytes, name.

prune removes the longest unused entries until no more than BYTES are left (such as 100000, 64M or
1GiB; default: 512 MiB).

verify reads all entries and removes damaged ones; if there were any, the exit code is 1.

clear removes all.]],
  options = {
    { "--dir", "DIR", "the cache's directory (default: wasm-lua in $XDG_CACHE_HOME or ~/.cache)" },
  },
  operands = { 1, 2 },
}

local function entries(n)
  return n == 1 and "1 entry" or ("%d entries"):format(n)
end

local actions = {}

function actions.ls(c)
  local list, sum = c:entries(), 0
  for _, entry in ipairs(list) do
    sum = sum + entry.bytes
    shell.out(("%s  %10d  %s\n"):format(os.date("%Y-%m-%d %H:%M", entry.used), entry.bytes,
      shell.word(entry.name)))
  end
  shell.out(("%s, %s\n"):format(entries(#list), modules.human(sum)))
  return shell.OK
end

function actions.prune(c, size)
  local removed = c:prune(size)
  local stats = c:stats()
  shell.out(("removed %s; %s, %s left\n"):format(entries(removed), entries(stats.entries),
    modules.human(stats.bytes)))
  return shell.OK
end

function actions.verify(c)
  local sound, damaged = c:verify()
  shell.out(("%s sound, %d damaged and removed\n"):format(entries(sound), damaged))
  return damaged > 0 and shell.FAILED or shell.OK
end

function actions.clear(c)
  local n = #c:entries()
  c:clear()
  shell.out(("removed %s\n"):format(entries(n)))
  return shell.OK
end

function cache.run(given, operands)
  local action = actions[operands[1]]
  if not action then
    options.usage_error("cache", "unknown command '%s': ls, prune, verify or clear", operands[1])
  end
  local size
  if operands[2] then
    if operands[1] ~= "prune" then
      options.usage_error("cache", "one argument too many: '%s'", operands[2])
    end
    size = options.size(operands[2])
      or options.usage_error("cache", "'%s' is no number of bytes", operands[2])
  end
  local there, why = io.open((given.dir or ".") .. "/.")
  if not there then shell.fail(shell.FAILED, "%s", (why:gsub("/%.: ", ": ", 1))) end
  there:close()
  return action(modules.open_cache(given.dir, operands[1] == "ls" and "ro" or "rw"), size)
end

return { compile = compile, cache = cache }
