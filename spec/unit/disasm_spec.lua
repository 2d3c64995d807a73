--- mod:disasm: machine code beside the operators it comes from.
local core = require "wasm.core"
local wasm = require "wasm"

local TEXT = [[(module (memory 1) (type $point (struct (field $x (mut i32))))
  (func $sum (export "first") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (local.get $n)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func $more (param f64 i32) (result i32)
    (drop (f64.load offset=8 (i32.const 80000)))
    (i32.div_u
      (call $sum (i32.trunc_sat_f64_s (f64.add (f64.const 3.25) (local.get 0))))
      (i32.load16_u (local.get 1))))
  (func $blocks (param i32) (result i32)
    (block (result i32)
      (if (result i32) (local.get 0)
        (then (i32.clz (local.get 0)))
        (else (unreachable)))))
  (func $nothing))]]

local mod = assert(wasm.compile(TEXT, { eager = true }))
local FUNCTIONS = { "sum", "more", "blocks", "nothing" }

local codes = {}
for _, op in ipairs(core.opcodes()) do codes[op.text] = codes[op.text] or op.code end

--- { at=, bytes=, operator=, offset=, name= } for each line that begins an instruction.
local function rows(text)
  local list = {}
  for line in text:gmatch("\n([^\n]+)") do
    local words = line:sub(31)
    local operator, offset = words:match("^(%S.-) @(%x+) ")
    list[#list + 1] = { at = tonumber(line:sub(1, 4), 16), bytes = line:sub(6, 29):gsub(" ", ""),
      operator = operator, offset = tonumber(offset or "", 16),
      name = words:match("%S* ?%S+$") or "" }
  end
  return list
end

local function operators(func)
  local list = {}
  for _, row in ipairs(rows(mod:disasm(func))) do list[#list + 1] = row.operator end
  return list
end

describe("the listing of a function's machine code", function()
  it("has every byte once, in order, and the size and number of the function", function()
    for n, func in ipairs(FUNCTIONS) do
      local text, raw = mod:disasm(func), mod:disasm(func, { raw = true })
      assert.truthy(text:find(("^func %d size %d frame %%d+\n"):format(n - 1, #raw)))
      local bytes, at = {}, 0
      for _, row in ipairs(rows(text)) do
        assert.equal(at, row.at)
        bytes[#bytes + 1] = row.bytes
        at = at + #row.bytes // 2
      end
      local hex = raw:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
      assert.equal(hex, table.concat(bytes))
    end
  end)

  it("names operators that are where it says they are", function()
    local seen = 0
    for _, func in ipairs(FUNCTIONS) do
      for _, row in ipairs(rows(mod:disasm(func))) do
        if row.operator then
          local code = codes[row.operator:match "^%S+"]
          if code > 0xff then code = code >> 16 end -- the prefix
          assert.equal(code, mod:bytes():byte(row.offset + 1), row.operator)
          seen = seen + 1
        end
      end
    end
    assert.is_true(seen >= 10, seen)
  end)

  it("has operators with their immediates, and names", function()
    local text = table.concat(operators "more", "\n")
    for _, operator in ipairs { "f64.load offset=8", "f64.add", "i32.trunc_sat_f64_s",
                                "call $sum", "i32.div_u" } do
      assert.truthy(text:find(operator, 1, true), text)
    end
    assert.truthy(table.concat(operators "sum", "\n"):find("loop\ni32.add\n", 1, true))
    assert.truthy(table.concat(operators "blocks", "\n"):find("i32.clz", 1, true))
  end)

  it("does not lay what a function does on entry to its first operator", function()
    for _, row in ipairs(rows(mod:disasm "more")) do
      if row.name:find(" arg$") or row.name:find(" poll$") then assert.is_nil(row.operator) end
    end
  end)

  it("is that of the effort and the bounds of its module", function()
    local plain = assert(wasm.compile(TEXT, { effort = 0 }))
    local checked = assert(wasm.compile(TEXT, { bounds = "explicit" }))
    assert.not_equal(mod:disasm "sum", plain:disasm "sum")
    assert.not_equal(mod:disasm "more", checked:disasm "more")
  end)

  it("gives bytes to a disassembler that agrees about the first instruction", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(mod:disasm("sum", { raw = true }))
    file:close()
    local pipe = assert(io.popen("objdump -D -b binary -m i386:x86-64 " .. path .. " 2>/dev/null"))
    local text = pipe:read("a")
    pipe:close()
    os.remove(path)
    if text == "" then
      pending("objdump is not installed")
      return
    end
    assert.truthy(text:find("push +%%rbp\n.*ret"), text)
    assert.is_nil(text:find("(bad)", 1, true), text)
  end)

  it("takes a table with nothing in it but raw", function()
    assert.is_false(pcall(mod.disasm, mod, "sum", true))
    assert.is_false(pcall(mod.disasm, mod, "sum", { raw = 1 }))
    local ok, err = pcall(mod.disasm, mod, "sum", { hex = true })
    assert.is_false(ok)
    assert.truthy(err:find("unknown option 'hex'", 1, true))
    assert.equal(mod:disasm "sum", mod:disasm("sum", { raw = false }))
    assert.is_false(pcall(mod.disasm, mod, "none"))
    assert.is_false(pcall(mod.disasm, "sum"))
  end)
end)
