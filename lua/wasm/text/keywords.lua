-- keywords.lua -- the words of the text format that are not operators.
--
-- A parser that meets a word it does not expect has to say which of three things it is:
-- a known word in the wrong place ("unexpected token"), a word of a proposal that is not
-- built ("unsupported"), or no word at all ("unknown operator").
-- Invariant: only fault messages depend on these lists, never what is accepted.
-- Not for: operators, which come from the core's table.

local keywords = {}

local function set(words)
  local t = {}
  for word in words:gmatch("%S+") do t[word] = true end
  return t
end

--- Words that the grammar uses somewhere, scripts included.
keywords.known = set [[
  module definition instance binary quote
  type rec sub final func struct array field mut param result local
  table memory global tag elem data declare offset item import export start
  shared pagesize
  i32 i64 f32 f64 v128 i8 i16 ref null
  any eq i31 extern exn none nofunc noextern noexn
  anyref eqref i31ref structref arrayref funcref externref exnref
  nullref nullfuncref nullexternref nullexnref
  then else do end catch catch_ref catch_all catch_all_ref delegate
  i8x16 i16x8 i32x4 i64x2 f32x4 f64x2
  nan:canonical nan:arithmetic
  register invoke get script input output either thread wait
  assert_return assert_trap assert_exhaustion assert_exception assert_suspension
  assert_malformed assert_invalid assert_unlinkable
  assert_malformed_custom assert_invalid_custom
  ref.extern ref.host ref.any ref.struct ref.array ref.exn
]]

--- Words of proposals that the assembler does not read: word -> proposal.
keywords.unbuilt = {}

local function unbuilt(proposal, words)
  for word in words:gmatch("%S+") do keywords.unbuilt[word] = proposal end
end

unbuilt("custom-descriptors", [[
  exact descriptor describes struct.new_desc struct.new_default_desc ref.get_desc
  ref.cast_desc ref.cast_desc_eq ref.test_desc br_on_cast_desc br_on_cast_desc_fail
  br_on_cast_desc_eq br_on_cast_desc_eq_fail
]])
unbuilt("stack-switching", [[
  cont cont.new cont.bind suspend resume resume_throw resume_throw_ref switch contref
  nullcontref nocont
]])

return keywords
