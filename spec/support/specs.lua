--- busted in this very process: `lua5.4 spec/support/specs.lua [busted options] spec`.
-- The packaged `busted --lua=...` starts a second Lua through a shell and loses quoting and, in
-- part, how that process died; here a signal is this process's own end.
if os.getenv("LD_PRELOAD") then
  -- Under the sanitizer's runtime: what specs start (objdump, sh, ...) is not ours to check.
  local popen, execute = io.popen, os.execute
  local function plain(command)
    return command and "unset LD_PRELOAD; " .. command
  end
  io.popen = function(command, mode) return popen(plain(command), mode) end -- luacheck: ignore 122
  os.execute = function(command) return execute(plain(command)) end         -- luacheck: ignore 122
end

require "busted.runner"({ standalone = false })
