-- Strings, tables, sort, garbage: the words of a made-up text, counted.
local syllables = { "ka", "lo", "mi", "ne", "ru", "sa", "to", "vi" }
local state = 42
local function random(n)
  state = (state * 1103515245 + 12345) & 0x7fffffff
  return (state >> 8) % n + 1
end
local lines = {}
for i = 1, 6000 do
  local words = {}
  for j = 1, 12 do
    local word = {}
    for k = 1, random(3) do word[k] = syllables[random(#syllables)] end
    words[j] = table.concat(word)
  end
  lines[i] = ("%05d: %s."):format(i, table.concat(words, " "))
end
local text = table.concat(lines, "\n")
local counts = {}
for word in text:gmatch("%a+") do counts[word] = (counts[word] or 0) + 1 end
local list = {}
for word, n in pairs(counts) do list[#list + 1] = { word = word, n = n } end
table.sort(list, function(a, b) return a.n == b.n and a.word < b.word or a.n > b.n end)
for i = 1, 5 do print(list[i].word, list[i].n) end
local changed = text:gsub("(%a+) (%a+)", "%2 %1"):upper():gsub("%d+", function(d) return #d end)
print(#list, #text, #changed, changed:find("VI VI", 1, true))
