-- Sends the requests of a list in turn, and reports the run as one line of JSON.
-- Arguments: METHOD PATH LIST. A line of LIST is a path for GET, else a body that goes to PATH.

local requests = {}
local position = 0

-- All requests are made up front, so that wrk spends its core on sending them.
function init(arguments)
  local method, path, list = arguments[1], arguments[2], arguments[3]
  for line in io.lines(list) do
    if method == "GET" then
      requests[#requests + 1] = wrk.format(method, line)
    else
      requests[#requests + 1] = wrk.format(method, path, nil, line)
    end
  end
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency)
  local failures = summary.errors
  io.write(string.format(
    '{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "longest_us": %d, "failures": {'
      .. '"connect errors": %d, "read errors": %d, "write errors": %d, "timeouts": %d, '
      .. '"answers with status 400 or more": %d}}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    failures.connect, failures.read, failures.write, failures.timeout, failures.status
  ))
end
