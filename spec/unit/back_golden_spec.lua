--- What register allocation and emission make of each construct, as text. The functions
--- avoid instructions whose encoding depends on the processor's features.
local core = require "wasm.core"
local wasm = require "wasm"
local golden = require "spec.support.golden"

local function read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

local function pinned(golden_name, wat, func, pass, options)
  local bytes = wasm.wat(read("spec/golden/" .. wat .. ".wat"))
  local text = assert(core.dump(bytes, func, pass, options))
  assert(golden.check("spec/golden/" .. golden_name .. ".txt", text))
end

describe("register allocation", function()
  for _, case in ipairs {
    -- golden,           function index, what it shows
    { "two_address",     0, "copies an operand that lives on, and only then" },
    { "pressure",        0, "gives up the value that lives longest" },
    { "loop",            0, "swaps the parameters of a loop through a scratch register" },
    { "call",            1, "stores what lives across a call and orders its arguments" },
    { "many_arguments",  1, "passes in cells what does not fit registers" },
    { "many_results",    1, "takes from the result area what does not fit registers" },
    { "divide",          0, "keeps rax and rdx free for division" },
    { "condition",       0, "gives a folded comparison no register" },
    { "simd",            1, "gives a vector two slots and swaps vectors through another" },
  } do
    local name, func, what = table.unpack(case)
    it(what, function() pinned("ra_" .. name, "ra_" .. name, func, "ra") end)
  end
end)

describe("register allocation across blocks", function()
  for _, case in ipairs {
    { "ra_loop",         0, "swaps the parameters of a loop in registers" },
    { "scan_fib",        0, "keeps a value over a call in a register that callees keep" },
    { "scan_behind",     2, "does not store in a loop what lives across a call behind it" },
    { "scan_calls",      2, "gives what callees keep to what a loop with calls uses" },
    { "scan_through",    0, "stores before a crowded loop what only lives through it" },
    { "scan_heir",       2, "lets a loop's next value have the slot of the last" },
    { "scan_heir_simd",  2, "keeps the slot that is taken over apart from pairs" },
    { "ra_many_results", 1, "stores results at once that come in registers" },
  } do
    local name, func, what = table.unpack(case)
    it(what, function()
      pinned(name:gsub("^ra", "scan"), name, func, "ra",
        { effort = 1, unroll = false, inline = false })
    end)
  end
end)

describe("fusion", function()
  for _, case in ipairs {
    { "fuse",     "takes loads and small shifts into the instructions that use them" },
    { "fuse_not", "leaves a load where a store or a division lies between, or two use it" },
  } do
    local name, what = table.unpack(case)
    it(what, function() pinned(name, name, 0, "asm", { effort = 1 }) end)
  end
end)

describe("emission", function()
  for _, case in ipairs {
    { "add",           "is three instructions and a frame for an addition" },
    { "memory",        "lets guard pages check bounds" },
    { "loop",          "branches on flags and polls at a loop's header" },
    { "br_table",      "jumps through a table behind the code" },
    { "call_indirect", "checks the table, the type, and comes back with its own instance" },
    { "tail_indirect", "keeps its context where a tail call stays in the instance" },
    { "large_frame",   "keeps a result area in its frame" },
    { "flags",         "knows from the instruction before whether its result is zero" },
    { "float",         "needs no constants in memory for signs" },
    { "far",           "takes a branch for short, and emits once more where it is not" },
  } do
    local name, what = table.unpack(case)
    it(what, function() pinned("asm_" .. name, "asm_" .. name, 0, "asm") end)
  end

  if core.cpu_keep then
    it("compares lanes of 64 bits with nothing beyond SSE4.1", function()
      finally(function() core.cpu_keep(-1) end)
      core.cpu_keep(1)
      pinned("asm_simd", "asm_simd", 0, "asm")
    end)
  end

  it("compares with the length where bounds are explicit", function()
    pinned("asm_memory_explicit", "asm_memory", 0, "asm", { bounds = "explicit" })
  end)

  it("gives the same bytes each time", function()
    local bytes = wasm.wat(read("spec/golden/ra_pressure.wat"))
    assert.equal(core.dump(bytes, 0, "asm"), core.dump(bytes, 0, "asm"))
  end)

  it("has no dump of another name", function()
    local text, err = core.dump(wasm.wat(read("spec/golden/asm_add.wat")), 0, "nothing")
    assert.is_nil(text)
    assert.equal("no dump is called 'nothing'", err.message)
    assert.equal("unsupported", err.kind)
  end)
end)
