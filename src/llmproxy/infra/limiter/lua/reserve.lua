-- Hold a call in all its scopes and in the first lane with room, or nowhere.
--
-- ARGV: 4 `hold`, or `look` to hold nothing; 5 tokens; 6 and 7 money; 8 number of scopes; 9 of lanes; then
-- each scope: id (an empty one: a lane without limits, and nothing follows), 1 when its money is the
-- call's, most calls at once or -1, number of rules; then each rule: measure 0 to 2, place of its window
-- in the header, most, and the nano-units of it.
--
-- Returns {word, …}: `lease`: come back first. `gone` or `waits`, place: that scope has to be joined
-- first, or waits for others. `held`, time, lane or -1, then for each rule of the scopes and the lane
-- what is used and held, and the nano-units of it, then for each of these scopes how many calls are in
-- flight. `full`, time, dumps of all scopes and lanes.

if not has_lease() then return {'lease'} end

local tokens, whole, nano = arg(5), arg(6), arg(7)
local mandatory, lanes = arg(8), arg(9)
local all, at = {}, 10
local two = floor(now / 2)
local m, d, h = 'm' .. two, 'd' .. floor(two / 450), 'h:' .. worker .. ':' .. two

for i = 1, mandatory + lanes do
  local id = ARGV[at]
  if id == '' then
    all[i] = false
    at = at + 1
  else
    local s = load(id, m, d, h)
    if not s then return {'gone', i - 1} end
    if not is_live(s) then return {'waits', i - 1} end
    s.money, s.rules, s.first = ARGV[at + 1] == '1', arg(at + 3), at + 4
    s.most = arg(at + 2)
    now = max(now, s.a[MFROM] * 2)
    at = at + 4 + 4 * s.rules
    all[i] = s
  end
end

-- Whether a rule, which begins at this argument, has no room.
local function fails(s, i)
  local a, measure, w, most = s.a, arg(i), arg(i + 1), arg(i + 2)
  if measure == 0 then return a[w] + a[w + 4] + 1 > most end
  if measure == 1 then return tokens > 0 and a[w + 1] + a[w + 5] + tokens > most end
  if not s.money or whole + nano == 0 then return false end
  local n = a[w + 3] + a[w + 7] + nano
  local carry = floor(n / NANO)
  local sum = a[w + 2] + a[w + 6] + whole + carry
  return sum > most or (sum == most and n - carry * NANO > arg(i + 3))
end

local function lacks(s)
  if s.most >= 0 and s.a[TOTAL + 4] >= s.most then return true end
  for i = s.first, s.first + 4 * (s.rules - 1), 4 do
    if fails(s, i) then return true end
  end
  return false
end

local full, lane = false, -1
for i = 1, mandatory do
  full = full or lacks(all[i])
end
if lanes > 0 then
  for i = mandatory + 1, mandatory + lanes do
    if not all[i] or not lacks(all[i]) then
      lane = i - mandatory - 1
      break
    end
  end
  full = full or lane < 0
end
local time = string.format('%.6f', now)

-- The header, and the steps of the windows in which time will make room: all of them for a `look`.
local function dump(s)
  local a, names, minute, day = s.a, {}, false, false
  for i = s.first, s.first + 4 * (s.rules - 1), 4 do
    if ARGV[4] == 'look' or fails(s, i) then
      minute = minute or arg(i + 1) == MINUTE
      day = day or arg(i + 1) == DAY
    end
  end
  if minute then
    for n = a[MFROM], min(a[MLAST], a[MFROM] + 64) do names[#names + 1] = 'm' .. n end
  end
  if day then
    for n = a[DFROM], min(a[DLAST], a[DFROM] + 128) do names[#names + 1] = 'd' .. n end
  end
  local values = #names > 0 and redis.call('HMGET', s.key, unpack(names)) or {}
  return {pack_header(a), names, values}
end

if full or ARGV[4] == 'look' then
  local answer = {'full', time}
  for _, s in ipairs(all) do answer[#answer + 1] = s and dump(s) or '' end
  return answer
end

two = floor(now / 2)
local answer, running = {'held', time, lane}, {}
for i = 1, mandatory + lanes do
  local s = all[i]
  if s and (i <= mandatory or i == mandatory + 1 + lane) then
    hold(s, two, 1, tokens, s.money and whole or 0, s.money and nano or 0)
    save(s)
    if s.is_new then redis.call('EXPIRE', s.key, 3600) end
    local a = s.a
    for j = s.first, s.first + 4 * (s.rules - 1), 4 do
      local m, w = arg(j), arg(j + 1)
      answer[#answer + 1] = a[w + m] + a[w + m + 4]
      answer[#answer + 1] = m == 2 and a[w + 3] + a[w + 7] or 0
    end
    running[#running + 1] = a[TOTAL + 4]
  end
end
for _, number in ipairs(running) do answer[#answer + 1] = number end
return answer
