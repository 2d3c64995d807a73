-- Floats and fields: the planets' energy after some years.
local PI = math.pi
local DAYS, SUN = 365.24, 4 * PI * PI
local bodies = {
  { 0, 0, 0, 0, 0, 0, SUN },
  { 4.841431442, -1.160320044, -0.103622044, 0.001660076 * DAYS,
    0.007699011 * DAYS, -0.000069046 * DAYS, 0.000954791 * SUN },
  { 8.343366718, 4.124798564, -0.403523417, -0.002767425 * DAYS,
    0.004998528 * DAYS, 0.000023041 * DAYS, 0.000285885 * SUN },
  { 12.894369562, -15.111151401, -0.223307578, 0.002964601 * DAYS,
    0.002378471 * DAYS, -0.000029658 * DAYS, 0.000043662 * SUN },
  { 15.379697114, -25.919314609, 0.179258772, 0.002680677 * DAYS,
    0.001628241 * DAYS, -0.000095159 * DAYS, 0.000051513 * SUN },
}
for _, b in ipairs(bodies) do
  b.x, b.y, b.z, b.vx, b.vy, b.vz, b.mass = table.unpack(b)
end
local function energy()
  local e = 0
  for i, b in ipairs(bodies) do
    e = e + 0.5 * b.mass * (b.vx * b.vx + b.vy * b.vy + b.vz * b.vz)
    for j = i + 1, #bodies do
      local o = bodies[j]
      local dx, dy, dz = b.x - o.x, b.y - o.y, b.z - o.z
      e = e - b.mass * o.mass / math.sqrt(dx * dx + dy * dy + dz * dz)
    end
  end
  return e
end
local function advance(dt)
  for i, b in ipairs(bodies) do
    for j = i + 1, #bodies do
      local o = bodies[j]
      local dx, dy, dz = b.x - o.x, b.y - o.y, b.z - o.z
      local d2 = dx * dx + dy * dy + dz * dz
      local mag = dt / (d2 * math.sqrt(d2))
      local mine, other = b.mass * mag, o.mass * mag
      b.vx, b.vy, b.vz = b.vx - dx * other, b.vy - dy * other, b.vz - dz * other
      o.vx, o.vy, o.vz = o.vx + dx * mine, o.vy + dy * mine, o.vz + dz * mine
    end
  end
  for _, b in ipairs(bodies) do
    b.x, b.y, b.z = b.x + dt * b.vx, b.y + dt * b.vy, b.z + dt * b.vz
  end
end
print(("%.9f"):format(energy()))
for _ = 1, 60000 do advance(0.01) end
print(("%.9f"):format(energy()))
