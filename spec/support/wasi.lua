--- A guest whose exports are the WASI calls themselves, for specs.
local wasm = require "wasm"

local wasi = {}

--- The rows of wasi.def: { name =, params = } in order.
function wasi.rows()
  local rows = {}
  for line in io.lines("src/wasi/wasi.def") do
    local name, params = line:match('^CALL%(([%w_]+),%s*"(%a*)"')
    if name then rows[#rows + 1] = { name = name, params = params } end
  end
  return rows
end

local TYPES = { i = " i32", I = " i64" }

--- Text of a module that imports every call from `module` and exports a function around each.
function wasi.text(module, memory)
  local imports, functions = {}, {}
  for _, row in ipairs(wasi.rows()) do
    if module ~= "wasi_unstable" or row.name ~= "sock_accept" then
      local params, gets = row.params:gsub(".", TYPES), {}
      for n = 1, #row.params do gets[n] = ("(local.get %d)"):format(n - 1) end
      local result = row.name == "proc_exit" and "" or "(result i32)"
      imports[#imports + 1] = ('(import "%s" "%s" (func $%s (param%s) %s))'):format(
        module, row.name, row.name, params, result)
      functions[#functions + 1] = ('(func (export "%s") (param%s) %s (call $%s %s))'):format(
        row.name, params, result, row.name, table.concat(gets, " "))
    end
  end
  return ('(module %s %s %s (func (export "_start") (call $proc_exit (i32.const 0))))'):format(
    table.concat(imports, "\n"), memory or '(memory (export "memory") 2 4)',
    table.concat(functions, "\n"))
end

--- ERRNO names by number, from the standard.
wasi.errno = {}
do
  local names = "success 2big acces addrinuse addrnotavail afnosupport again already badf badmsg "
    .. "busy canceled child connaborted connrefused connreset deadlk destaddrreq dom dquot exist "
    .. "fault fbig hostunreach idrm ilseq inprogress intr inval io isconn isdir loop mfile mlink "
    .. "msgsize multihop nametoolong netdown netreset netunreach nfile nobufs nodev noent noexec "
    .. "nolck nolink nomem nomsg noprotoopt nospc nosys notconn notdir notempty notrecoverable "
    .. "notsock notsup notty nxio overflow ownerdead perm pipe proto protonosupport prototype "
    .. "range rofs spipe srch stale timedout txtbsy xdev notcapable"
  local n = 0
  for name in names:gmatch("%S+") do
    wasi.errno[n] = name
    n = n + 1
  end
end

wasi.RIGHT = {
  read = 1 << 1, seek = 1 << 2, set_flags = 1 << 3, sync = 1 << 4, tell = 1 << 5, write = 1 << 6,
  allocate = 1 << 8, open = 1 << 13, readdir = 1 << 14, stat = 1 << 21, set_size = 1 << 22,
  set_times = 1 << 23, poll = 1 << 27,
}
--- What a file may be used for at all.
wasi.RIGHTS_FILE = 0x8e001ff
wasi.RIGHTS_ALL = 0xfffffff
--- All that a directory may be opened with.
wasi.RIGHTS_DIRECTORY = wasi.RIGHTS_ALL & ~(1 << 6 | 1 << 8 | 1 << 22)

--- A new directory of the host, and a function that removes it.
function wasi.directory()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkdir " .. path))
  return path, function() assert(os.execute("rm -rf " .. path)) end
end

local modules = {}

--- A guest with these options of wasm.wasi: g.fd_write(...) gives the error's name; g.memory, g.w,
-- g.inst; strings are put at 1024 with g.put, which gives offset and size.
function wasi.guest(opts, module)
  module = module or "wasi_snapshot_preview1"
  modules[module] = modules[module] or assert(wasm.compile(wasi.text(module)))
  local w = assert(wasm.wasi(opts or {}))
  return wasi.around(assert(modules[module]:instantiate { [module] = w }), w)
end

--- The same around an instance of wasi.text.
function wasi.around(inst, w)
  local g = { w = w, inst = inst, memory = inst.memory }

  function g.put(text, at)
    at = at or 1024
    g.memory:write(at, text)
    return at, #text
  end

  --- One iovec at 16 for `size` bytes at `at`.
  local function iovec(at, size)
    g.memory:write(16, ("<I4I4"):pack(at, size))
    return 16, 1
  end

  --- Write a string: errno name, bytes written.
  function g.write(fd, text)
    g.memory:write(8192, text)
    local err = g.fd_write(fd, 16, select(2, iovec(8192, #text)), 8)
    return err, g.memory:u32(8)
  end

  --- Read: errno name, the bytes.
  function g.read(fd, size)
    iovec(8192, size)
    local err = g.fd_read(fd, 16, 1, 8)
    return err, g.memory:read(8192, err == "success" and g.memory:u32(8) or 0)
  end

  --- Open below descriptor `dir`: errno name, the descriptor.
  function g.open(path, how)
    how = how or {}
    local at, size = g.put(path)
    local oflags = how.oflags or 0
    local rights = how.rights or oflags & 2 ~= 0 and wasi.RIGHTS_DIRECTORY
      or wasi.RIGHTS_FILE | wasi.RIGHT.readdir
    local err = g.path_open(how.dir or 3, how.nofollow and 0 or 1, at, size, oflags, rights,
      how.inheriting or 0, how.fdflags or 0, 8)
    return err, g.memory:u32(8)
  end

  --- A path call whose arguments are the directory and a path: errno name.
  function g.at(call, path, dir)
    return g[call](dir or 3, g.put(path))
  end

  --- errno name; type, size, links, times of what a path names.
  function g.stat(path, nofollow, dir)
    local at, size = g.put(path)
    local err = g.path_filestat_get(dir or 3, nofollow and 0 or 1, at, size, 64)
    local m = g.memory
    return err, err == "success" and { type = m:u8(80), nlink = m:i64(88), size = m:i64(96),
                                       atim = m:i64(104), mtim = m:i64(112), ino = m:i64(72) }
  end

  --- A call with two paths: path_rename, path_link (with `flags`), path_symlink.
  function g.two(call, from, to, flags)
    local a, an = g.put(from)
    local b, bn = g.put(to, 6000)
    if call == "path_symlink" then return g.path_symlink(a, an, 3, b, bn) end
    if call == "path_link" then return g.path_link(3, flags or 0, a, an, 3, b, bn) end
    return g[call](3, a, an, 3, b, bn)
  end

  function g.readlink(path)
    local at, size = g.put(path)
    local err = g.path_readlink(3, at, size, 8192, 100, 8)
    return err, err == "success" and g.memory:read(8192, g.memory:u32(8)) or nil
  end

  --- The names below a descriptor, sorted, without "." and ".."; in buffers of `room` bytes.
  function g.list(fd, room)
    local names, cookie = {}, 0
    repeat
      local err = g.fd_readdir(fd, 8192, room or 4096, cookie, 8)
      if err ~= "success" then return err end
      local used, at = g.memory:u32(8), 0
      while at + 24 <= used do
        local entry = 8192 + at
        local size = g.memory:u32(entry + 16)
        if at + 24 + size > used then break end
        cookie = g.memory:i64(entry)
        local name = g.memory:read(entry + 24, size)
        if name ~= "." and name ~= ".." then
          names[#names + 1] = ("%s:%d"):format(name, g.memory:u8(entry + 20))
        end
        at = at + 24 + size
      end
    until used < (room or 4096)
    table.sort(names)
    return "success", names
  end

  --- Make a file with these contents.
  function g.file(path, text)
    local err, fd = g.open(path, { oflags = 1 | 8 })
    if err ~= "success" then return err end
    err = g.write(fd, text)
    g.fd_close(fd)
    return err
  end

  --- The contents of a file.
  function g.contents(path, how)
    local err, fd = g.open(path, how)
    if err ~= "success" then return nil, err end
    local parts = {}
    repeat
      local bytes
      err, bytes = g.read(fd, 4096)
      parts[#parts + 1] = bytes
    until err ~= "success" or bytes == ""
    g.fd_close(fd)
    return table.concat(parts)
  end

  return setmetatable(g, { __index = function(t, name)
    local f = inst.exports[name]
    local function call(...)
      local n = f(...)
      return wasi.errno[n] or n
    end
    rawset(t, name, call)
    return call
  end })
end

return wasi
