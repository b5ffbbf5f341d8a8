-- wrk's script: posts BENCH_BODY, or what BENCH_BODY_FILE holds, with the key BENCH_KEY and ends with one JSON line.
-- With BENCH_SPREAD_FILE, lines of `key K` and `model M`, requests take turns with these keys and models.
-- With BENCH_NUMBER, a number, every request asks another question: it stands in the prompt, and grows.
-- With BENCH_STREAM=1 an answer counts as finished only when it is a 200 that ends in [DONE].
wrk.method = "POST"
if os.getenv("BENCH_BODY_FILE") then
  local file = assert(io.open(os.getenv("BENCH_BODY_FILE"), "rb"))
  wrk.body = file:read("*a")
  file:close()
else
  wrk.body = os.getenv("BENCH_BODY")
end
wrk.headers["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE") or "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")

local threads = {}
local placeholder = "BENCH-KEY-HERE"
local keys, heads, tails = {}, {}, {}
local asked = 0

-- Requests are made beforehand but for their keys: one for each model.
local function spread_over(path)
  local models = {}
  for line in io.lines(path) do
    local kind, name = line:match("^(%a+) (.+)$")
    table.insert(kind == "key" and keys or models, name)
  end
  local before, after = wrk.body:match('^(.-"model":")[^"]*(".*)$')
  wrk.headers["Authorization"] = "Bearer " .. placeholder
  for number, model in ipairs(models) do
    local whole = wrk.format(nil, nil, nil, before .. model .. after)
    local from, to = whole:find(placeholder, 1, true)
    heads[number], tails[number] = whole:sub(1, from - 1), whole:sub(to + 1)
  end
end

if os.getenv("BENCH_SPREAD_FILE") then
  -- The model and the key change each time; in the end every model was asked with every key.
  function request()
    local model = asked % #heads + 1
    local key = (asked + math.floor(asked / #heads)) % #keys + 1
    asked = asked + 1
    return heads[model] .. keys[key] .. tails[model]
  end
end

if os.getenv("BENCH_NUMBER") then
  local number = tonumber(os.getenv("BENCH_NUMBER"))
  local words = "Lorem ipsum dolor"
  local before, after
  function request()
    if not before then
      local whole = wrk.format()
      local from, to = whole:find(words, 1, true)
      before, after = whole:sub(1, from - 1), whole:sub(to + 1)
    end
    number = number + 1
    return before .. string.format("%017.0f", number) .. after
  end
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init()
  finished = 0
  if os.getenv("BENCH_SPREAD_FILE") then
    spread_over(os.getenv("BENCH_SPREAD_FILE"))
  end
end

if os.getenv("BENCH_STREAM") == "1" then
  function response(status, _, body)
    if status == 200 and body:sub(-14) == "data: [DONE]\n\n" then
      finished = finished + 1
    end
  end
end

function done(summary, latency)
  local finished_all = 0
  for _, thread in ipairs(threads) do
    finished_all = finished_all + thread:get("finished")
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"answers":%d,"finished":%d,"bytes":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, finished_all, summary.bytes, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
