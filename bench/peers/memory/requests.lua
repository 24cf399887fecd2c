-- wrk as an application behind its sidecar's forward proxy: asks the first N services of the mesh in turn (wrk … -- N).
local requests, next, count = {}, 0, 1
init = function(args)
  count = tonumber(args[1])
  for i = 0, count - 1 do
    requests[i] = string.format("GET http://service-%d/ HTTP/1.1\r\nHost: service-%d\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", i, i)
  end
end
request = function()
  local this = requests[next]
  next = (next + 1) % count
  return this
end
