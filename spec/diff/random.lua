--- Random numbers that are the same everywhere for the same seed (splitmix64).
local Random = {}
Random.__index = Random

--- Seeds that are neighbours give sequences that have nothing to do with each other.
---@param seed integer
function Random.new(seed)
  local first = setmetatable({ state = seed }, Random)
  return setmetatable({ state = first:bits() }, Random)
end

--- 64 random bits.
function Random:bits()
  self.state = self.state + 0x9e3779b97f4a7c15
  local z = self.state
  z = (z ~ (z >> 30)) * 0xbf58476d1ce4e5b9
  z = (z ~ (z >> 27)) * 0x94d049bb133111eb
  return z ~ (z >> 31)
end

--- 0 .. n-1
---@param n integer
function Random:below(n)
  return (self:bits() >> 1) % n
end

--- first .. last
function Random:range(first, last)
  return first + self:below(last - first + 1)
end

--- True in `percent` of 100 cases.
function Random:chance(percent)
  return self:below(100) < percent
end

--- One of a list.
function Random:pick(list)
  return list[self:below(#list) + 1]
end

--- A name out of { name, weight, name, weight, ... }.
function Random:weighted(list)
  local total = 0
  for i = 2, #list, 2 do total = total + list[i] end
  local at = self:below(total)
  for i = 2, #list, 2 do
    at = at - list[i]
    if at < 0 then return list[i - 1] end
  end
end

--- `n` distinct elements of a list (all of them when there are fewer), in random order.
function Random:sample(list, n)
  local rest, out = table.move(list, 1, #list, 1, {}), {}
  for i = 1, math.min(n, #list) do out[i] = table.remove(rest, self:below(#rest) + 1) end
  return out
end

return Random
