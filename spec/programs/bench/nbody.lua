-- Floats and fields: the planets' energy after some years.
local PI = math.pi
local DAYS, SUN = 365.24, 4 * PI * PI
local bodies = {
  { 0, 0, 0, 0, 0, 0, SUN },
  { 4.84143144246472090, -1.16032004402742839, -0.10362204447112311, 0.00166007664274403694 * DAYS,
    0.00769901118419740425 * DAYS, -0.0000690460016972063023 * DAYS, 0.000954791938424326609 * SUN },
  { 8.34336671824457987, 4.12479856412430479, -0.403523417114321381, -0.00276742510726411619 * DAYS,
    0.00499852801234917238 * DAYS, 0.0000230417297573763929 * DAYS, 0.000285885980666130812 * SUN },
  { 12.8943695621391310, -15.1111514016986312, -0.223307578892655734, 0.00296460137564761618 * DAYS,
    0.00237847173959480950 * DAYS, -0.0000296589568540237556 * DAYS, 0.0000436624404335156298 * SUN },
  { 15.3796971148509165, -25.9193146099879641, 0.179258772950371181, 0.00268067772490389322 * DAYS,
    0.00162824170038242295 * DAYS, -0.0000951592254519715870 * DAYS, 0.0000515138902046611451 * SUN },
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
