--- What a limit of time does to a call, and what it leaves.
local expiry = {}

--- f(...) ends for want of time.
function expiry.expires(f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok and err.kind == "limit" and err.message == "timeout", tostring(err))
  return err
end

--- A short call works; on a busy machine it may be its turn so late that its own time is over.
function expiry.works(inst)
  for _ = 1, 50 do
    local ok, sum = pcall(inst.exports.add, 2, 3)
    if ok then return sum == 5 end
    assert(sum.kind == "limit" and sum.message == "timeout", tostring(sum))
  end
  return false
end

return expiry
