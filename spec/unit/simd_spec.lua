--- Vectors as Lua sees them, through every way a value can go, and without AVX.
local wasm = require "wasm"
local core = require "wasm.core"

local function instance(source, imports, options)
  return assert(assert(wasm.compile(source, options)):instantiate(imports))
end

local A = string.pack("<i4i4i4i4", 1, -2, 3, -4)
local B = string.pack("<i4i4i4i4", 10, 20, 30, 40)
local SUM = string.pack("<i4i4i4i4", 11, 18, 33, 36)

describe("v128", function()
  it("is a string of 16 bytes in Lua, both ways", function()
    local seen
    local inst = instance([[(module
      (import "e" "f" (func $f (param v128 i32) (result v128)))
      (global $g (export "g") (mut v128) (v128.const i64x2 0 0))
      (func (export "add") (param v128 v128) (result v128)
        (i32x4.add (local.get 0) (local.get 1)))
      (func (export "ask") (param v128) (result v128) (call $f (local.get 0) (i32.const 5)))
      (func (export "get") (result v128) (global.get $g)))]],
      { e = { f = function(v, n) seen = { v, n } return B end } })
    assert.equal(SUM, inst.exports.add(A, B))
    assert.equal(B, inst.exports.ask(A))
    assert.same({ A, 5 }, seen)
    inst.exports.g.value = A
    assert.equal(A, inst.exports.get())
    assert.equal(A, inst.exports.g.value)
    local g = wasm.global("v128", B, true)
    assert.equal(B, g.value)
    assert.is_false(pcall(inst.exports.add, A, "short"))
    local ok, err = pcall(inst.exports.add, A, 5)
    assert.is_false(ok)
    assert.truthy(err:find("v128 expected", 1, true), err)
  end)

  it("travels in registers, on stacks and in result areas", function()
    local n = 20
    local params, gets, results = ("v128 "):rep(n), {}, {}
    for i = 0, n - 1 do
      gets[#gets + 1] = ("(local.get %d)"):format(i)
      table.insert(results, 1, ("(local.get %d)"):format(i))
    end
    local inst = instance(([[(module
      (func $back (param %s) (result %s) %s)
      (func (export "f") (param %s) (result %s) (call $back %s))
      (func (export "t") (param %s) (result %s) (return_call $back %s)))]]):format(
      params, params, table.concat(results, " "), params, params, table.concat(gets, " "),
      params, params, table.concat(gets, " ")))
    local args, want = {}, {}
    for i = 1, n do
      args[i] = ("%016d"):format(i)
      want[n + 1 - i] = args[i]
    end
    assert.same(want, { inst.exports.f(table.unpack(args)) })
    assert.same(want, { inst.exports.t(table.unpack(args)) })
  end)

  it("changes places in a loop", function()
    local inst = instance [[(module
      (func (export "swap") (param $a v128) (param $b v128) (param $c f64) (param $n i32)
        (result v128 v128 f64) (local $t v128)
        (loop $l
          (local.set $t (local.get $a))
          (local.set $a (local.get $b))
          (local.set $b (local.get $t))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $a) (local.get $b) (local.get $c)))]]
    assert.same({ B, A, 1.5 }, { inst.exports.swap(A, B, 1.5, 3) })
    assert.same({ A, B, 1.5 }, { inst.exports.swap(A, B, 1.5, 4) })
  end)

  it("survives a call that yields, a snapshot and a reload", function()
    local source = [[(module
      (import "e" "wait" (func $wait (param i32)))
      (global $g (export "g") (mut v128) (v128.const i64x2 1 2))
      (func (export "f") (param v128 v128) (result v128)
        (call $wait (i32.const 0))
        (i32x4.add (local.get 0) (local.get 1))))]]
    local imports = { e = { wait = coroutine.yield } }
    local inst = instance(source, imports)
    local call = coroutine.wrap(function() return inst.exports.f(A, B) end)
    call()
    assert.equal(SUM, call())
    inst.exports.g.value = A
    local moment = assert(inst:snapshot())
    inst.exports.g.value = B
    assert(inst:restore(moment))
    assert.equal(A, inst.exports.g.value)
    assert(inst:reload(source, { imports = imports, force = true, migrate_globals = true }))
    assert.equal(A, inst.exports.g.value)
  end)

  it("lies in structs and arrays", function()
    local inst = instance [[(module
      (type $s (struct (field i8) (field $v (mut v128))))
      (type $a (array (mut v128)))
      (func (export "s") (param v128) (result (ref $s))
        (struct.new $s (i32.const 1) (local.get 0)))
      (func (export "a") (param v128 i32) (result (ref $a))
        (array.new $a (local.get 0) (local.get 1)))
      (func (export "set") (param (ref $a) i32 v128) (result v128)
        (array.set $a (local.get 0) (local.get 1) (local.get 2))
        (array.get $a (local.get 0) (local.get 1))))]]
    local s = inst.exports.s(A)
    assert.equal(A, s[2])
    s[2] = B
    assert.equal(B, s[2])
    local a = inst.exports.a(A, 5)
    assert.same({ A, A }, { a[1], a[5] })
    assert.equal(B, inst.exports.set(a, 3, B))
    assert.same({ A, B, A }, { a[3], a[4], a[5] })
  end)

  it("shifts by a constant as by a number that it gets", function()
    local keeps = core.cpu_keep and { -1, 1 } or { -1 }
    if core.cpu_keep then finally(function() core.cpu_keep(-1) end) end
    for _, lanes in ipairs { "i8x16", "i16x8", "i32x4", "i64x2" } do
      for _, way in ipairs { "shl", "shr_s", "shr_u" } do
        local op, parts = lanes .. "." .. way, {}
        for n = -1, 66 do -- once where it is used again, once where it is not
          parts[#parts + 1] = ([[(func (export "%d") (param v128) (result v128 v128)
            (v128.xor (local.get 0) (OP (local.get 0) (i32.const %d)))
            (OP (i8x16.add (local.get 0) (local.get 0)) (i32.const %d)))]])
            :format(n, n, n):gsub("OP", op)
        end
        local source = ([[(module (func (export "any") (param v128 i32) (result v128 v128)
          (v128.xor (local.get 0) (OP (local.get 0) (local.get 1)))
          (OP (i8x16.add (local.get 0) (local.get 0)) (local.get 1)))
          (func (export "%%d")) %s)]]):gsub("OP", op):format(table.concat(parts, "\n"))
        for round, keep in ipairs(keeps) do
          if core.cpu_keep then core.cpu_keep(keep) end
          local exports = instance(source:format(1000 + round)).exports -- other bytes
          for n = -1, 66 do
            for _, v in ipairs { A, B, ("\x80\x7f\xff\1"):rep(4) } do
              assert.same({ exports.any(v, n) }, { exports[tostring(n)](v) }, op .. " " .. n)
            end
          end
        end
      end
    end
  end)

  if core.cpu_keep then
    it("needs no more than SSE4.1, and says so without", function()
      finally(function() core.cpu_keep(-1) end)
      local source = [[(module
        (func (export "add") (param v128 v128) (result v128)
          (i32x4.add (local.get 0) (local.get 1)))
        (func (export "min") (param v128 v128) (result v128)
          (f32x4.min (local.get 0) (local.get 1))))]]
      core.cpu_keep(1)
      assert.equal(SUM, instance(source).exports.add(A, B))
      core.cpu_keep(0)
      local mod, err = wasm.compile((source:gsub("min", "max"))) -- other bytes
      assert.is_nil(mod)
      assert.equal("unsupported", err.kind)
      assert.truthy(err.message:find("SSE4.1", 1, true))
    end)
  end
end)
