-- Make scopes from what the ledger knows; one that is there stays as it is.
--
-- ARGV: 4 the time of what the ledger said; 5 seconds that a Redis which has just begun waits for workers;
-- 6 seconds of a lease; 7 number of other workers that were there lately; their names; number of files,
-- each name and byte; number of scopes, each: id, number of steps, each a step of 2 s, a
-- letter (`m` or `d`) and four numbers; four numbers of the month, four of the total.
--
-- Every worker that may be alive has to join a scope before it is counted on: it may hold something
-- there, and know of calls that the ledger does not know yet.

if not has_lease() then return {'lease'} end

local at = 8
local first, known = at, arg(7)
for i = first, first + known - 1 do
  redis.call('ZADD', base .. ':workers', 'NX', now + arg(6), ARGV[i])
end
at = at + known
local files, places = arg(at), at + 1
at = at + 1 + 2 * files
local alive = redis.call('ZRANGEBYSCORE', base .. ':workers', now, '+inf')
local began = tonumber(redis.call('GET', base .. ':epoch') or now)

local function fresh(key, asked)
  local a = zeros(40)
  a[MFROM], a[DFROM] = floor(asked / 2) - 30, floor(asked / 900) - 96
  a[MLAST], a[DLAST] = a[MFROM], a[DFROM]
  set_month(a, asked)
  a[LIVE_AT] = began + arg(5)
  return {key = key, a = a, steps = {}, holds = {}}
end

local scopes = arg(at)
at = at + 1
for _ = 1, scopes do
  local id, steps = ARGV[at], arg(at + 1)
  local s = fresh(base .. ':s:' .. id, arg(4))
  local a = s.a
  at = at + 2
  for _ = 1, steps do
    local n, letter = arg(at), ARGV[at + 1]
    local from, last, sums = DFROM, DLAST, DAY
    if letter == 'm' then from, last, sums = MFROM, MLAST, MINUTE end
    if n >= a[from] then
      plus(a, sums, arg(at + 2), arg(at + 3), arg(at + 4), arg(at + 5))
      plus(step(s, letter .. n), 1, arg(at + 2), arg(at + 3), arg(at + 4), arg(at + 5))
      a[last] = max(a[last], n)
    end
    at = at + 6
  end
  plus(a, MON, arg(at), arg(at + 1), arg(at + 2), arg(at + 3))
  plus(a, TOTAL, arg(at + 4), arg(at + 5), arg(at + 6), arg(at + 7))
  at = at + 8
  if redis.call('EXISTS', s.key) == 0 then
    a[AWAITED] = #alive
    save(s)
    for i = places, places + 2 * (files - 1), 2 do
      note_told(s, ARGV[i], ARGV[i + 1])
    end
    for _, who in ipairs(alive) do
      redis.call('HSET', s.key, 'j:' .. who, 1)
      redis.call('SADD', base .. ':await:' .. who, id)
    end
    redis.call('EXPIRE', s.key, 3600)
  end
  redis.call('DEL', base .. ':lock:' .. id)
end
return {'installed'}
