-- A worker says that it lives. What dead ones held is given back.
--
-- ARGV: 4 seconds of the lease; 5 the lease that ends now: empty when the worker only goes on.
-- Returns {`lease`}, or `renewed`, time, scopes that wait for this worker, all workers that live.

local ends = arg(4)
local own = base .. ':w:' .. worker
if ARGV[5] == '' then
  if not has_lease() then return {'lease'} end
  redis.call('PEXPIRE', own, ends * 1000)
else
  redis.call('SET', own, lease, 'PX', ends * 1000)
end
redis.call('SET', base .. ':epoch', now, 'NX')
redis.call('ZADD', base .. ':workers', now + ends, worker)

for _, dead in ipairs(redis.call('ZRANGEBYSCORE', base .. ':workers', '-inf', '(' .. now)) do
  for _, id in ipairs(redis.call('SMEMBERS', base .. ':joined:' .. dead)) do
    local s = load(id)
    if s then
      release(s, dead)
      joined(s, dead)
      save(s)
    end
  end
  redis.call('DEL', base .. ':w:' .. dead, base .. ':joined:' .. dead, base .. ':await:' .. dead)
  redis.call('ZREM', base .. ':workers', dead)
end
local waits, awaited = {}, base .. ':await:' .. worker
for _, id in ipairs(redis.call('SMEMBERS', awaited)) do
  if redis.call('HEXISTS', base .. ':s:' .. id, 'j:' .. worker) == 1 then
    waits[#waits + 1] = id
  else
    redis.call('SREM', awaited, id)
  end
end
return {
  'renewed', string.format('%.6f', now), waits,
  redis.call('ZRANGEBYSCORE', base .. ':workers', now, '+inf'),
}
