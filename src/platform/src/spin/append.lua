local count = #ARGV - 3
redis.call('INCRBY', KEYS[1], count)
local counters = {redis.call('GET', KEYS[1])}
local number = 0
for digit in counters[1]:gmatch('%d') do
  number = (number * 10 + tonumber(digit)) % tonumber(ARGV[3])
end
local before = tonumber(ARGV[2]) + number - count
for i = 1, count do
  redis.call('SET', ARGV[1] .. string.format('%.0f', before + i), ARGV[3 + i])
end
for i = 2, #KEYS do
  counters[i] = redis.call('GET', KEYS[i]) or '0'
end
return counters
