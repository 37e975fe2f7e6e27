-- Requests paths made from a pattern and numbers below n: consecutive numbers from a start, or random
-- ones by popularity (Zipf's law with exponent 1). Then prints one line for the bench to parse.
local pattern, n, draw, i, kept
function init(args)
	pattern, n, draw, i, kept = args[1], tonumber(args[2]), args[3] == "zipf", tonumber(args[4]), {}
	math.randomseed(os.time())
end
function request()
	local k
	if draw then
		k = math.floor(n ^ math.random()) - 1
	else
		k = i % n
		i = i + 1
	end
	local r = kept[k]
	if not r then
		r = wrk.format("GET", string.format(pattern, k))
		if n <= 1000 then kept[k] = r end
	end
	return r
end
function done(summary, latency)
	local e = summary.errors
	io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, summary.duration,
		e.connect + e.read + e.write + e.timeout + e.status, latency:percentile(50), latency:percentile(99)))
end
