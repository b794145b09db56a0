-- For wrk: the requests of post.lua, whose folder is BENCH_FOLDER, by all keys of the file TOKENS in turn.
dofile(os.getenv("BENCH_FOLDER") .. "/post.lua")
local requests, next_one = {}, 0
function init()
    for token in io.lines(os.getenv("TOKENS")) do
        wrk.headers["Authorization"] = "Bearer " .. token
        requests[#requests + 1] = wrk.format()
    end
end
function request()
    next_one = next_one % #requests + 1
    return requests[next_one]
end
