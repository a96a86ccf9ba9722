"""The script that Redis runs for a batch: it finds what is cached, and records the visits to what is answered."""

from main_service.entries.cache import HEAD_START
from main_service.visit_stream.pending import SET_LEFT_OUT

# KEYS: the stream, `left_out_name`, then the cached entries for those who follow a link, for those who read a text,
# and for those whose page the process has. ARGV: the batch's id, the number of its format, the milliseconds since
# 1970, how many follow a link, how many do or read a text, the visits in the order of the cached entries; then for
# each text the `body_id` of that which the process has, or nothing, and for each page its tag. The answer for a read:
# if the cached entry is of what was wanted, the letter for search engines, with the target of a link behind it, and
# then the visit is recorded; of another text, the letter and the `body_id` behind a `?`; else nothing. Which visits a
# record lacks is written only if it lacks some, for `UnconfirmedBatch`.
SCRIPT = f"""
local cached = redis.call('MGET', unpack(KEYS, 3))
local start, now, links, texts = '{HEAD_START}', ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local answers, visits, left_out = {{}}, {{}}, {{}}
for i, value in ipairs(cached) do
  answers[i] = false
  local is_recorded = false
  if value and string.sub(value, 1, {len(HEAD_START)}) == start then
    local ending = string.find(value, '"', {len(HEAD_START) + 1}, true)
    local head = ending and string.sub(value, {len(HEAD_START) + 1}, ending - 1) or ''
    if string.sub(head, 2, 14) > now and string.sub(head, 1, 1) == (i <= links and 'L' or 'P') then
      if i <= links then
        answers[i] = string.sub(head, 15)
        is_recorded = true
      elseif i > texts then
        is_recorded = string.sub(head, 48) == ARGV[5 + #cached + i - links]
        answers[i] = is_recorded and string.sub(head, 15, 15)
      elseif string.sub(head, 16, 47) == ARGV[5 + #cached + i - links] then
        answers[i] = string.sub(head, 15, 15)
        is_recorded = true
      else
        answers[i] = '?' .. string.sub(head, 15, 47)
      end
    end
  end
  if is_recorded then
    visits[#visits + 1] = ARGV[5 + i]
  else
    left_out[#left_out + 1] = i
  end
end
if #visits > 0 then
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'f', ARGV[2], 'v', '[' .. table.concat(visits, ',') .. ']')
  if #left_out > 0 then
    {SET_LEFT_OUT}
  end
end
return answers
"""
