--- The error numbers of WASI: the table of the standard, and what becomes which of them.
local wasi = require "spec.support.wasi"

-- WASI snapshot-01, typenames.witx, $errno: in this order from 0.
local STANDARD = [[
  success 2big acces addrinuse addrnotavail afnosupport again already badf badmsg busy canceled
  child connaborted connrefused connreset deadlk destaddrreq dom dquot exist fault fbig hostunreach
  idrm ilseq inprogress intr inval io isconn isdir loop mfile mlink msgsize multihop nametoolong
  netdown netreset netunreach nfile nobufs nodev noent noexec nolck nolink nomem nomsg noprotoopt
  nospc nosys notconn notdir notempty notrecoverable notsock notsup notty nxio overflow ownerdead
  perm pipe proto protonosupport prototype range rofs spipe srch stale timedout txtbsy xdev
  notcapable]]

local number_of, count = {}, 0
for name in STANDARD:gmatch("%S+") do
  number_of[name] = count
  count = count + 1
end

--- Lines of spec/support/errno_map.c: { host =, wasi =, names = }.
local function map()
  local list = {}
  local pipe <close> = assert(io.popen((os.getenv("BUILD") or "build/test") .. "/spec/errno_map"))
  for line in pipe:lines() do
    local host, code, names = line:match("^(%d+) (%d+)(.*)$")
    list[#list + 1] = { host = math.tointeger(host), wasi = math.tointeger(code), names = names }
  end
  return list
end

describe("the errno table", function()
  it("has the 77 numbers of the standard", function()
    assert.equal(77, count)
    local n = 0
    for line in io.lines("src/wasi/errno.def") do
      local name = line:match("^ERRNO%((%w+),")
      if name then
        assert.equal(n, number_of[name:lower()], name)
        n = n + 1
      end
    end
    assert.equal(77, n)
    -- some numbers as the standard's text and everyone's headers have them
    for name, number in pairs { badf = 8, exist = 20, inval = 28, noent = 44, notcapable = 76,
                                notdir = 54, nosys = 52, notsup = 58, perm = 63, xdev = 75 } do
      assert.equal(number, number_of[name])
      assert.equal(name, wasi.errno[number])
    end
  end)

  it("gives each error of the system the number of its own name, io to those without", function()
    local named, used = 0, {}
    for _, row in ipairs(map()) do
      local mine = false
      for name in row.names:gmatch("E(%w+)") do
        name = name:lower()
        -- two names of one number on Linux
        if name == "wouldblock" then name = "again" end
        if name == "opnotsupp" then name = "notsup" end
        assert.equal(number_of[name], row.wasi, row.names)
        mine = true
      end
      if row.host == 0 then
        assert.equal(0, row.wasi)
      elseif mine then
        named = named + 1
        used[row.wasi] = true
      else
        assert.equal(number_of.io, row.wasi, row.host)
      end
    end
    assert.equal(75, named)
    -- and so each of WASI's but for none, and the one that only WASI has
    for number = 1, 75 do assert.is_true(used[number], wasi.errno[number]) end
  end)
end)
