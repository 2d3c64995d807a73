--- The steps of lifecycle.lua that change what is behind a handle: reloads and snapshots.
local steps = {}

local WHEN = { "idle", "drain", "now" }

-- Reloads -----------------------------------------------------------------------------------

--- The version of i that ran until now: parked calls of it go on, or are doomed.
local function leave_old(walk, i, when)
  local old = i.version
  old.parked = i.parked
  old.any = i.any
  old.doomed = when == "now"
  old.ended = (not old.doomed and #old.parked > 0) and "live" or "closed"
  if #old.parked > 0 then walk.old[#walk.old + 1] = old end
end

function steps.reload(walk)
  local i = walk:pick(walk.instances)
  if not i then return end
  local k, when = walk.random(5) * 100, WHEN[walk.random(3)]
  local opts = { when = when, linked = "relink" }
  if i.state ~= "live" then
    return walk:expect_error("closed", nil, i.h.reload, i.h, walk.sources[k], opts)
  end
  if i.lost and when ~= "now" then return end -- whether it is busy only the collector knows
  local ok, report, err = pcall(i.h.reload, i.h, walk.sources[k], opts)
  if not ok then walk:fail("raised %s", tostring(report)) end
  if k == i.k then
    if not report or not report.unchanged then walk:fail("is not unchanged") end
    return
  end
  if when == "idle" and #i.parked > 0 then
    if report or err.kind ~= "busy" then walk:fail("is not busy") end
    return
  end
  if i.other and i.other.state ~= "live" then -- what it imports is there no more
    if report or err.kind ~= "closed" then walk:fail("was linked to a closed instance") end
    return
  end
  if not report then walk:fail("gave %s", tostring(err)) end
  leave_old(walk, i, when)
  i.k, i.count, i.slot, i.parked, i.lost = k, 0, nil, {}, nil
  i.version = { inst = i, k = k }
  i.table, i.memory = i.h.exports.table, i.h.exports.memory
  if i.h.exports.add ~= i.add then walk:fail("its function is another one") end
end

--- A call of an older version goes on, is dropped, or finds that it was ended.
function steps.resume_old(walk)
  local old, at = walk:pick(walk.old)
  if not old then return end
  local call, n = walk:pick(old.parked)
  local newest = n == #old.parked
  table.remove(old.parked, n)
  if walk.random(4) == 1 then
    local ok, err = coroutine.close(call.co)
    if not ok then walk:fail("closing a coroutine: %s", tostring(err)) end
  else
    local ok, got = coroutine.resume(call.co, call.arg * 2)
    if old.doomed then
      if ok or got.kind ~= "closed" then walk:fail("resumed to %s", tostring(got)) end
    elseif newest or old.any then
      if not ok or got ~= call.arg * 2 + old.k then walk:fail("resumed to %s", tostring(got)) end
    elseif ok or got.kind ~= "busy" then
      walk:fail("resumed out of turn to %s", tostring(got))
    end
  end
  if #old.parked == 0 then
    old.ended = "closed"
    walk.forget(walk.old, at)
  end
end

-- Snapshots ---------------------------------------------------------------------------------

--- Only where the table holds nothing of others: those may be collected meanwhile.
local function can_be_kept(i)
  return i.state == "live" and not i.lost and (i.slot == nil or i.slot == i.version)
end

local function expect_busy(walk, i, result, err)
  if #i.parked == 0 then
    if not result then walk:fail("gave %s", tostring(err)) end
    return false
  end
  if result or err.kind ~= "busy" then walk:fail("is not busy") end
  return true
end

function steps.snapshot(walk)
  local i = walk:pick(walk.instances)
  if not i then return end
  if i.state ~= "live" then return walk:expect_error("closed", nil, i.h.snapshot, i.h) end
  if not can_be_kept(i) then return end
  local s, err = i.h:snapshot()
  if expect_busy(walk, i, s, err) then return end
  walk.snapshots[#walk.snapshots + 1] = { h = s, k = i.k, count = i.count, own = i.slot ~= nil }
  if #walk.snapshots > 20 then
    local old, at = walk:pick(walk.snapshots)
    if walk.random(2) == 1 then old.h:close() end
    walk.forget(walk.snapshots, at)
  end
end

function steps.restore(walk)
  local i, s = walk:pick(walk.instances), walk:pick(walk.snapshots)
  if not i or not s or i.lost then return end
  if i.state ~= "live" then return walk:expect_error("closed", nil, i.h.restore, i.h, s.h) end
  local ok, err = i.h:restore(s.h)
  if s.k ~= i.k then
    if ok or err.kind ~= "link" then walk:fail("was restored from another module") end
    return
  end
  if expect_busy(walk, i, ok, err) then return end
  i.count = s.count
  i.slot = s.own and i.version or nil
end

function steps.clone(walk)
  local i = walk:pick(walk.instances)
  if not i then return end
  if i.state ~= "live" then return walk:expect_error("closed", nil, i.h.clone, i.h) end
  if not can_be_kept(i) then return end
  local h, err = i.h:clone()
  if expect_busy(walk, i, h, err) then return end
  local own = i.slot ~= nil
  local twin = walk:adopt { h = h, k = i.k, count = i.count, other = i.other, any = i.any }
  if own then twin.slot = twin.version end
end

return steps
