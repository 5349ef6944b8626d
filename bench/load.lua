-- What wrk sends, and what it tells at the end. Arguments: a file with the body of a POST, or none for a GET.

function init(args)
  if args[1] then
    local file = assert(io.open(args[1], "r"))
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = file:read("*a")
    file:close()
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'LOAD {"requests":%d,"us":%d,"failed":%d,"p99_us":%d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(99)))
end
