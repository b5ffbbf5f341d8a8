-- Chat completions for wrk: wrk -t1 -c32 -d10s -s tests/load/chat.lua http://127.0.0.1:8000/v1/chat/completions
-- The body is the file that LOAD_BODY names (request.json), the key is LLMPROXY_KEY. At the end one line of JSON.

local file = assert(io.open(os.getenv("LOAD_BODY") or "request.json", "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = "application/json"
local key = os.getenv("LLMPROXY_KEY")
if key and key ~= "" then wrk.headers["Authorization"] = "Bearer " .. key end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format(
    '{"calls":%d,"failures":%d,"seconds":%.3f,"p50_ms":%.3f,"p95_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests, failed, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
