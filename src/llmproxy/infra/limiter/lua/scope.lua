-- Goes before every script of this folder. KEYS[1] is `{prefix}`, so that all keys lie in one slot:
--
--   {prefix}:s:KIND:CURRENCY:NAME   a scope, one hash, so that it lives and dies as a whole
--       a            the header below
--       mN dN        eight numbers of the step N of 2 s, of 15 minutes
--       h:W:N        four numbers that worker W holds since the step N of 2 s
--       t:FILE       up to which byte of a journal file the scope was told, and when: `BYTE:SECONDS`
--       j:W          worker W was there when the scope was rebuilt, and has still to join it
--   {prefix}:w:W           the lease of worker W: a word that is new each time it comes back
--   {prefix}:workers       all workers, by the time at which their leases end
--   {prefix}:joined:W      the scopes in which W may hold something
--   {prefix}:await:W       the scopes that wait for W
--   {prefix}:epoch         when these keys began; gone when Redis was emptied
--
-- Eight numbers are requests, tokens, whole units and nano-units of money: used, then held. A number of
-- Lua is exact to 2^53 only, which as nano-units were nine million dollars: hence money in two.
--
-- ARGV: 1 the time, empty for that of Redis; 2 the worker; 3 its lease.

local base = KEYS[1]
local now = tonumber(ARGV[1])
if not now then
  local clock = redis.call('TIME')
  now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
end
local worker, lease = ARGV[2], ARGV[3]

local MFROM, MLAST, DFROM, DLAST, MONTH, NEXT, AWAITED, LIVE_AT = 1, 2, 3, 4, 5, 6, 7, 8
local MINUTE, DAY, MON, TOTAL = 9, 17, 25, 33
local HEADER = '<dddddddddddddddddddddddddddddddddddddddd'
local EIGHT = '<dddddddd'
local FOUR = '<dddd'
local NANO = 1000000000
local floor, max, min = math.floor, math.max, math.min

local function arg(i) return tonumber(ARGV[i]) end

local function numbers(raw, shape)
  local found = {struct.unpack(shape, raw)}
  found[#found] = nil
  return found
end

local function zeros(n)
  if n == 8 then return {0, 0, 0, 0, 0, 0, 0, 0} end
  if n == 4 then return {0, 0, 0, 0} end
  local all = {}
  for i = 1, n do all[i] = 0 end
  return all
end

local function plus(v, at, requests, tokens, whole, nano)
  v[at] = v[at] + requests
  v[at + 1] = v[at + 1] + tokens
  local n = v[at + 3] + nano
  if n >= 0 and n < NANO then
    v[at + 2] = v[at + 2] + whole
    v[at + 3] = n
  else
    local carry = floor(n / NANO)
    v[at + 2] = v[at + 2] + whole + carry
    v[at + 3] = n - carry * NANO
  end
end

-- The day on which the month of a day begins, days since 1970: Howard Hinnant's civil_from_days.
local function first_day(day)
  local z = day + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  return day - (doy - floor((153 * mp + 2) / 5))
end

local function set_month(a, at)
  local first = first_day(floor(at / 86400))
  a[MONTH] = first * 86400
  a[NEXT] = first_day(first + 32) * 86400
end

local function forget(s, letter, from, last, sums, first)
  local a = s.a
  for n = a[from], min(first - 1, a[last]) do
    local name = letter .. n
    local raw = redis.call('HGET', s.key, name)
    if raw then
      local v = numbers(raw, EIGHT)
      plus(a, sums, -v[1], -v[2], -v[3], -v[4])
      plus(a, sums + 4, -v[5], -v[6], -v[7], -v[8])
      redis.call('HDEL', s.key, name)
    end
  end
  a[from] = first
  s.rolled = true
end

-- Time that goes back opens no window again: what has been forgotten stays so.
local function roll(s)
  local a = s.a
  local m, d = floor(now / 2) - 30, floor(now / 900) - 96
  if m > a[MFROM] then forget(s, 'm', MFROM, MLAST, MINUTE, m) end
  if d > a[DFROM] then forget(s, 'd', DFROM, DLAST, DAY, d) end
  if now >= a[NEXT] then
    set_month(a, now)
    for i = MON, MON + 7 do a[i] = 0 end
    s.rolled = true
  end
end

local function pack_header(a) return struct.pack(HEADER, unpack(a, 1, 40)) end

-- With the names of fields that will be needed, they come along: steps `m`, `d`, and a hold `h`.
local function load(id, m, d, h)
  local key = base .. ':s:' .. id
  local s = {key = key, steps = {}, holds = {}}
  local raw
  if m then
    local found = redis.call('HMGET', key, 'a', m, d, h)
    raw = found[1]
    s.is_new = not found[2]
    s.steps[m] = found[2] and numbers(found[2], EIGHT) or zeros(8)
    s.steps[d] = found[3] and numbers(found[3], EIGHT) or zeros(8)
    s.holds[h] = found[4] and numbers(found[4], FOUR) or zeros(4)
  else
    raw = redis.call('HGET', key, 'a')
  end
  if not raw then return nil end
  s.a = numbers(raw, HEADER)
  roll(s)
  -- What was forgotten is gone from the hash: the sums must not outlive it.
  if s.rolled then redis.call('HSET', key, 'a', pack_header(s.a)) end
  return s
end

local function step(s, name)
  local v = s.steps[name]
  if not v then
    local raw = redis.call('HGET', s.key, name)
    v = raw and numbers(raw, EIGHT) or zeros(8)
    s.steps[name] = v
  end
  return v
end

-- Count at a step of 2 s; `side` is 0 for what was used, 4 for what is held.
local function count(s, two, side, requests, tokens, whole, nano)
  local a = s.a
  plus(a, TOTAL + side, requests, tokens, whole, nano)
  if two * 2 >= a[MONTH] then plus(a, MON + side, requests, tokens, whole, nano) end
  local quarter = floor(two / 450)
  if quarter >= a[DFROM] then
    plus(a, DAY + side, requests, tokens, whole, nano)
    plus(step(s, 'd' .. quarter), 1 + side, requests, tokens, whole, nano)
    a[DLAST] = max(a[DLAST], quarter)
  end
  if two >= a[MFROM] then
    plus(a, MINUTE + side, requests, tokens, whole, nano)
    plus(step(s, 'm' .. two), 1 + side, requests, tokens, whole, nano)
    a[MLAST] = max(a[MLAST], two)
  end
end

local function hold(s, two, requests, tokens, whole, nano)
  count(s, two, 4, requests, tokens, whole, nano)
  local name = 'h:' .. worker .. ':' .. two
  local v = s.holds[name]
  if not v then
    local raw = redis.call('HGET', s.key, name)
    v = raw and numbers(raw, FOUR) or zeros(4)
    s.holds[name] = v
  end
  plus(v, 1, requests, tokens, whole, nano)
end

local function save(s)
  local fields = {'a', pack_header(s.a)}
  for name, v in pairs(s.steps) do
    fields[#fields + 1] = name
    fields[#fields + 1] = struct.pack(EIGHT, unpack(v))
  end
  for name, v in pairs(s.holds) do
    if v[1] > 0 then
      fields[#fields + 1] = name
      fields[#fields + 1] = struct.pack(FOUR, unpack(v))
    else
      redis.call('HDEL', s.key, name)
    end
  end
  redis.call('HSET', s.key, unpack(fields))
end

-- Give back all that a worker holds in a scope.
local function release(s, who)
  local prefix = 'h:' .. who .. ':'
  for _, name in ipairs(redis.call('HKEYS', s.key)) do
    if string.sub(name, 1, #prefix) == prefix then
      local v = numbers(redis.call('HGET', s.key, name), FOUR)
      count(s, tonumber(string.sub(name, #prefix + 1)), 4, -v[1], -v[2], -v[3], -v[4])
      redis.call('HDEL', s.key, name)
    end
  end
end

-- Up to which byte of a file a scope was told, as text; nil when it never was.
local function told(s, file)
  local found = redis.call('HGET', s.key, 't:' .. file)
  return found and string.match(found, '^%d+')
end

local function note_told(s, file, byte)
  redis.call('HSET', s.key, 't:' .. file, byte .. ':' .. floor(now))
end

-- Files of which nothing was told for a week: what is new in them is found from their present end on.
local function prune(s)
  if redis.call('HLEN', s.key) < 400 then return end
  for _, name in ipairs(redis.call('HKEYS', s.key)) do
    if string.sub(name, 1, 2) == 't:' then
      local at = string.match(redis.call('HGET', s.key, name), '%d+$')
      if tonumber(at) < now - 604800 then redis.call('HDEL', s.key, name) end
    end
  end
end

local function joined(s, who)
  if redis.call('HDEL', s.key, 'j:' .. who) == 1 then s.a[AWAITED] = s.a[AWAITED] - 1 end
end

-- Whether the calls of a scope may be counted: all workers that were there have joined it, or died.
local function is_live(s)
  local a = s.a
  if a[AWAITED] > 0 then
    for _, name in ipairs(redis.call('HKEYS', s.key)) do
      if string.sub(name, 1, 2) == 'j:' then
        local ends = redis.call('ZSCORE', base .. ':workers', string.sub(name, 3))
        if not ends or tonumber(ends) < now then joined(s, string.sub(name, 3)) end
      end
    end
    redis.call('HSET', s.key, 'a', pack_header(a))
  end
  return a[AWAITED] <= 0 and now >= a[LIVE_AT]
end

local function has_lease() return redis.call('GET', base .. ':w:' .. worker) == lease end
