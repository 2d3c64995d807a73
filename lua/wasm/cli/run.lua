--- `luawasm run`: a program of WASI, or one export of any module.

local calls = require "wasm.cli.calls"
local modules = require "wasm.cli.modules"
local options = require "wasm.cli.options"
local shell = require "wasm.cli.shell"

local run = {
  usage = { "[OPTIONS] FILE [ARGS...]" },
  summary = "run a program, or call one of a module's functions",
  text = [[
FILE is a module in binary or text format; - is stdin. Its export _start is run, as compilers make
it for WASI. What follows FILE are the program's own arguments.

With --invoke another export is called, with ARGS as its arguments, read by their types: 12, -1,
0x7f, 1.5, inf, nan; a v128 is 0x and 32 hexadecimal digits; null is a null reference. Each result
is printed in a line.

A program can reach what is granted here and nothing else: no file, no directory, no variable of
the environment. Its standard input, output and error are those of this program.

Exit code: the program's own; 134 when it traps, throws what nobody catches, or is at one of its
limits; 130 after Ctrl-C; 141 when it goes on writing where nobody reads; 1 when it cannot be
run; 2 for a mistake in the command.

  luawasm run hello.wasm
  luawasm run --dir data::/data --env MODE=fast tool.wasm /data/in.txt
  luawasm run --invoke add add.wat 2 3]],
  options = {
    { "--dir", "HOST[::GUEST]", "let the program use the directory HOST, which it sees as GUEST "
      .. "(default: as HOST); HOST::GUEST::ro: only for reading; may be given again", list = true },
    { "--env", "NAME[=VALUE]", "a variable of its environment; without a value, that of this one; "
      .. "may be given again", list = true },
    { "--invoke", "NAME", "call this export" },
    { "--fuel", "N", "stop after N operators of WebAssembly" },
    { "--timeout", "SECONDS", "stop after so long, by the clock on the wall" },
    { "--memory-max", "SIZE", "its memory may not grow beyond: 4096, 64K, 64M, 1G" },
    { "--heap-max", "SIZE", "what its structs and arrays may take" },
    { "--host-calls", "N", "stop after N calls of WASI" },
    { "--cache", "DIR|off", "where compiled code is kept (default: the user's cache directory)" },
  },
  operands = { 1, math.huge },
  guest = true,
}

local function directories(list)
  local dirs = {}
  for _, word in ipairs(list or {}) do
    local host, guest = word:match("^(.-)::(.*)$")
    if not host then host, guest = word, word end
    local read_only = guest:match("^(.*)::ro$")
    guest = read_only or guest
    if host == "" or guest == "" then
      options.usage_error("run", "option '--dir': '%s' is not of the form HOST::GUEST", word)
    elseif dirs[guest] then
      options.usage_error("run", "option '--dir': '%s' is given twice", guest)
    end
    dirs[guest] = read_only and { path = host, read_only = true } or host
  end
  return dirs
end

local function environment(list)
  local env = {}
  for _, word in ipairs(list or {}) do
    local name, value = word:match("^([^=]+)=(.*)$")
    name = name or word:match("^[^=]+$")
    if not name then
      options.usage_error("run", "option '--env': '%s' is not of the form NAME=VALUE", word)
    end
    env[name] = value or os.getenv(name)
  end
  return env
end

-- As much as Linux gives a program: interpreters count on it to find the end of their own limit.
local STACK = "8MiB"

local function size(given, key)
  local text = given[key]
  local value = text and options.size(text)
  if text and not value then
    options.usage_error("run", "option '--%s': '%s' is no size, such as 64K or 16M", key, text)
  end
  return value
end

-- What mod:instantiate is told about limits.
local function budget(given)
  local seconds = given.timeout and given.timeout:find("^%d*%.?%d+$") and tonumber(given.timeout)
  if given.timeout and not (seconds and seconds > 0 and seconds < 1e9) then
    options.usage_error("run", "option '--timeout': '%s' is no number of seconds", given.timeout)
  end
  return { fuel = options.integer("run", given, "fuel", 0, math.maxinteger),
           timeout = seconds, stack = STACK, memory_max = size(given, "memory-max"),
           heap_max = size(given, "heap-max"),
           host_calls = options.integer("run", given, "host-calls", 0, math.maxinteger) }
end

-- What to call: the name of an export; nil when the start function is the program.
local function choose(path, mod, given, args)
  if given.invoke then return given.invoke end
  local starts = false
  for _, export in ipairs(mod:exports()) do
    if export.name == "_start" and export.kind == "function" then return "_start" end
  end
  for _, section in ipairs(mod:sections()) do starts = starts or section.name == "start" end
  if starts then return nil end
  for _, word in ipairs(args) do
    if word:find("^%-%-invoke") then
      options.usage_error("run", "options like --invoke come before FILE")
    end
  end
  shell.fail(shell.FAILED, "%s: no program (nothing is called _start); choose a function with "
    .. "--invoke; %s", shell.name_of(path), calls.functions(mod))
end

-- The call, with everything checked that can be before the guest runs.
local function prepare(path, mod, given, words)
  local name = choose(path, mod, given, words)
  if not name then return nil end
  local call = { name = name }
  local params
  params, call.results = calls.type_of(path, mod, name)
  call.args = calls.arguments(name, params, given.invoke and words or {})
  for _, export in ipairs(given.invoke and mod:exports() or {}) do
    if export.name == "_initialize" and export.type == "() -> ()" then call.initialize = true end
  end
  return call
end

local function perform(inst, call)
  if call.initialize and call.name ~= "_initialize" then inst:call("_initialize") end
  calls.print({ inst:func(call.name):bits(table.unpack(call.args, 1, call.args.n)) }, call.results)
end

function run.run(given, operands)
  local path = operands[1]
  local words = table.move(operands, 2, #operands, 1, {})
  local grants = { env = environment(given.env), dirs = directories(given.dir),
                   args = { path:match("([^/]+)/*$") or path, table.unpack(words) } }
  local limits = budget(given)
  shell.end_at_interrupt()
  local mod = modules.open(path, { cache = modules.cache(given.cache), fuel = limits.fuel ~= nil })
  local call = prepare(path, mod, given, words)
  local inst, code = calls.instantiate(path, mod, calls.imports(path, mod, grants), limits)
  if not inst then return code end
  if not call then return shell.OK end
  local ok, err = pcall(perform, inst, call)
  if not ok then return calls.ended(err, path) end
  return shell.OK
end

return run
