-- wrk asks for the 500 routes in turn; the requests are made beforehand, so that the generator's own cost stays small.
local requests, next = {}, 0
for i = 0, 499 do
  requests[i] = string.format(
    "GET /books/%d?page=1 HTTP/1.1\r\nHost: service-%d.bench\r\nUser-Agent: bench\r\nAccept: */*\r\nx-version: v%d\r\n\r\n", i, i % 50, math.floor(i / 50))
end
request = function()
  local this = requests[next]
  next = (next + 1) % 500
  return this
end
