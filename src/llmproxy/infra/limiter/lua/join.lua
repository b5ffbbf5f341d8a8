-- A worker comes to scopes, or comes back: what it holds there is set, and what it used meanwhile counted.
--
-- ARGV: 4 number of scopes; each: id; number of holds, each a step of 2 s and four numbers; number of
-- files, each: name, the byte up to which the scope was told (empty: never), the byte now, number of
-- steps, each a step of 2 s and four numbers.
--
-- Returns {`lease`}, or `joined`, and for each scope `ok`, `gone` or `behind`, with nothing done.

if not has_lease() then return {'lease'} end

local answer, at = {'joined'}, 5
for _ = 1, arg(4) do
  local id, held = ARGV[at], arg(at + 1)
  local holds = at + 2
  at = holds + 5 * held
  local files, parts = arg(at), {}
  at = at + 1
  for f = 1, files do
    local steps = arg(at + 3)
    parts[f] = {file = ARGV[at], was = ARGV[at + 1], ends = ARGV[at + 2], first = at + 4}
    at = at + 4 + 5 * steps
    parts[f].last = at - 5
  end
  local s, word = load(id), 'ok'
  if not s then
    word = 'gone'
  else
    for _, part in ipairs(parts) do
      if (told(s, part.file) or '') ~= part.was then word = 'behind' end
    end
  end
  if word == 'ok' then
    release(s, worker)
    for i = holds, holds + 5 * (held - 1), 5 do
      hold(s, arg(i), arg(i + 1), arg(i + 2), arg(i + 3), arg(i + 4))
    end
    for _, part in ipairs(parts) do
      for i = part.first, part.last, 5 do
        count(s, arg(i), 0, arg(i + 1), arg(i + 2), arg(i + 3), arg(i + 4))
      end
      note_told(s, part.file, part.ends)
    end
    prune(s)
    joined(s, worker)
    save(s)
    redis.call('EXPIRE', s.key, 3600)
    redis.call('SADD', base .. ':joined:' .. worker, id)
    redis.call('SREM', base .. ':await:' .. worker, id)
  end
  answer[#answer + 1] = word
end
return answer
