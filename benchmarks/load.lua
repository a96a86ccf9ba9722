-- Sends the requests of a list in turn, and reports the run as one line of JSON.
-- Arguments: METHOD PATH LIST VISITORS. A line of LIST is a path for GET, else a body that goes to PATH. Requests name
-- so many addresses in turn; with 0, none.

local requests = {}
local position = 0

-- All requests are made up front, so that wrk spends its core on sending them.
function init(arguments)
  local method, path, list, visitors = arguments[1], arguments[2], arguments[3], tonumber(arguments[4])
  local lines = {}
  for line in io.lines(list) do
    lines[#lines + 1] = line
  end
  for number = 0, math.max(#lines, visitors) - 1 do
    local line = lines[number % #lines + 1]
    if visitors > 0 then
      wrk.headers["X-Visitor"] = string.format("198.18.%d.%d", number / 256 % 256, number % 256)
    end
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
