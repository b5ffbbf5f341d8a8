-- Say what is known of scopes.
--
-- ARGV: 4 number of files; their names; then the ids. Returns {`lease`}, or `seen`, and for each scope
-- an empty list when it is not there, else {1 when it waits for this worker, for each file up to which
-- byte it was told, or false}.

if not has_lease() then return {'lease'} end

local answer, files = {'seen'}, arg(4)
for i = 5 + files, #ARGV do
  local s, found = {key = base .. ':s:' .. ARGV[i]}, {}
  if redis.call('EXISTS', s.key) == 1 then
    found = {redis.call('HEXISTS', s.key, 'j:' .. worker)}
    for j = 5, 4 + files do found[#found + 1] = told(s, ARGV[j]) or false end
  end
  answer[#answer + 1] = found
end
return answer
