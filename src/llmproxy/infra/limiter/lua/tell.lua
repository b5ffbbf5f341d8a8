-- Give back what calls held, and count what they used, each scope exactly once.
--
-- ARGV: 4 number of entries; each: id; 1 to be told the header; number of holds given back, each a step of
-- 2 s and four numbers; file, begin, end (no file: nothing was used), number of steps, each a step of 2 s
-- and four numbers.
--
-- Returns {`lease`}, or `told`, time, and for each entry `ok`, the header, `gone`, or `behind`: the scope
-- was told of that file up to another byte, and nothing of the entry was done.

if not has_lease() then return {'lease'} end

local answer, at = {'told', string.format('%.6f', now)}, 5
for _ = 1, arg(4) do
  local id, wants = ARGV[at], ARGV[at + 1] == '1'
  local given = arg(at + 2)
  local holds = at + 3
  local place = holds + 5 * given
  local file, begin, ends, steps = ARGV[place], arg(place + 1), ARGV[place + 2], arg(place + 3)
  at = place + 4 + 5 * steps
  local s = load(id)
  if not s then
    answer[#answer + 1] = 'gone'
  elseif file ~= '' and tonumber(told(s, file) or 0) ~= begin then
    answer[#answer + 1] = 'behind'
  else
    for i = holds, place - 5, 5 do
      hold(s, arg(i), -arg(i + 1), -arg(i + 2), -arg(i + 3), -arg(i + 4))
    end
    for i = place + 4, at - 5, 5 do
      count(s, arg(i), 0, arg(i + 1), arg(i + 2), arg(i + 3), arg(i + 4))
    end
    if file ~= '' then note_told(s, file, ends) end
    save(s)
    answer[#answer + 1] = wants and pack_header(s.a) or 'ok'
  end
end
return answer
