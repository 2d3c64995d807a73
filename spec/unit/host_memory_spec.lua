--- Memory of a whole process that never closes anything. `make stress` runs the full counts.
local host = require "spec.support.host"
local weight = require "spec.support.weight"

-- What the sanitizer keeps of freed memory is not ours.
local LIMIT_MIB = 512 + (host.sanitized and 512 or 0)

local PEAK = [[
  local function peak()
    for line in io.lines("/proc/self/status") do
      local kib = line:match("^VmHWM:%s*(%d+)")
      if kib then return tonumber(kib) // 1024 end
    end
  end
]]

describe("the memory of a process", function()
  it("stays below 512 MiB over instances of 16 MiB, none of them closed", function()
    -- 1,000 with SPEC_SCALE=1000; row_34_spec has as many in one process with all specs
    local count = weight.scaled(100)
    local output = host.script(PEAK .. [[
      local wasm = require "wasm"
      local mod = assert(wasm.compile('(module (memory 256) (func (export "touch") (local $at i32)'
        .. ' (loop (i32.store8 (local.get $at) (i32.const 1))'
        .. ' (local.set $at (i32.add (local.get $at) (i32.const 4096)))'
        .. ' (br_if 0 (i32.lt_u (local.get $at) (i32.const 16777216))))))'))
      for _ = 1, %COUNT% do assert(mod:instantiate()).exports.touch() end
      io.write(peak())]], { COUNT = count })
    weight.report("memory: %d instances touched 16 MiB each, none closed: peak %s MiB",
      count, output)
    assert.is_true(tonumber(output) < LIMIT_MIB, output .. " MiB")
  end)

  it("is bounded over calls with fresh tables as externref", function()
    -- 10,000,000 with SPEC_SCALE=1000; row_34_spec has 1,000,000 in one process with all specs
    local count = weight.scaled(1000) < 10000 and weight.scaled(200000) or 10000000
    local output = host.script(PEAK .. [[
      local wasm = require "wasm"
      local inst = assert(wasm.run('(module (import "e" "f" (func $f (param externref)))'
        .. ' (table $t (export "t") 16 externref)'
        .. ' (func (export "id") (param externref) (result externref) local.get 0)'
        .. ' (func (export "keep") (param i32 externref)'
        .. ' (table.set $t (i32.and (local.get 0) (i32.const 15)) (local.get 1)))'
        .. ' (func (export "pass") (param externref) (call $f (local.get 0))))',
        { e = { f = function(v) assert(v[1]) end } }))
      local id, keep, pass = inst.exports.id, inst.exports.keep, inst.exports.pass
      for n = 1, %COUNT% do
        local t = { n }
        if n % 16 == 0 then keep(n >> 4, t) elseif n % 16 == 1 then pass(t)
        else assert(id(t) == t) end
      end
      for slot = 1, 16 do assert(inst.exports.t[slot][1] > %COUNT% - 1024) end
      io.write(peak())]], { COUNT = count })
    weight.report("externref: %d calls with fresh tables in a process of its own: peak %s MiB",
      count, output)
    assert.is_true(tonumber(output) < 64 + (host.sanitized and 512 or 0), output .. " MiB")
  end)
end)
