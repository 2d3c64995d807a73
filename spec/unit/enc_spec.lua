--- Every machine instruction in every operand form, against another disassembler.
local BUILD = os.getenv("BUILD") or "build/test"

-- "add DWORD PTR [rax],0x1  # comment" -> "add [rax],0x1"
local function plain(text)
  return (text:gsub("%s*#.*", ""):gsub("%u+ PTR ", ""):gsub("%s+", " "):gsub(" $", ""))
end

local function disassembly(path)
  local list = {}
  local pipe = assert(io.popen("objdump -D -b binary -mi386:x86-64 -M intel -w "
    .. "--no-show-raw-insn " .. path))
  for line in pipe:lines() do
    local at, text = line:match("^%s*(%x+):%s+(.*)$")
    if at then list[#list + 1] = { at = at, text = plain(text) } end
  end
  assert(pipe:close())
  return list
end

describe("the x86-64 encoder", function()
  local path, want, got = os.tmpname(), {}, nil
  local pipe = assert(io.popen(BUILD .. "/spec/enc_forms " .. path))
  for line in pipe:lines() do
    local at, text = line:match("^(%x+)\t(.*)$")
    want[#want + 1] = { at = at, text = text }
  end
  local ended_well = pipe:close()
  if ended_well then got = disassembly(path) end
  os.remove(path)

  it("writes all forms", function()
    assert.is_true(ended_well)
    assert.is_true(#want > 10000)
  end)

  it("writes what another disassembler reads back, byte for byte", function()
    assert.is_table(got)
    for i, w in ipairs(want) do
      local g = got[i] or { at = "nothing", text = "" }
      if g.at ~= w.at or g.text ~= w.text then
        error(("at %s: want '%s', the bytes say '%s' (at %s)"):format(w.at, w.text, g.text, g.at))
      end
    end
    assert.equal(#want, #got)
  end)
end)
