-- One request after the other: PATTERN with {n} and {m} filled in, the COUNT from FIRST on, again
-- and again. Of every MANY in a row {n} is the same, and {m} counts from 32 in steps of two.
local pattern, method = os.getenv("PATTERN"), os.getenv("METHOD")
local first, count = tonumber(os.getenv("FIRST")), tonumber(os.getenv("COUNT"))
local many, at, made = tonumber(os.getenv("MANY")), -1, {}
local validator = os.getenv("VALIDATOR")

request = function()
    at = (at + 1) % count
    if not made[at] then
        local path = pattern:gsub("{n}", string.format("%d", first + math.floor(at / many)))
        path = path:gsub("{m}", string.format("%d", 32 + 2 * (at % many)))
        local headers = {}
        if validator ~= "" then headers["If-None-Match"] = validator end
        made[at] = wrk.format(method, path, headers)
    end
    return made[at]
end
