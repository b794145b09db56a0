#!lua name=llmgateway_admission_dev

-- What the gateway asks Redis: may this key spend this much now? One organization is one hash, so one call is one slot:
--   {ORG}:state    epoch, position, unknown, o (organization), p:PROJECT, k:KEY; what is available: o:a p:ID:a k:ID:a;
--                  k:ID:r a sliding minute of requests and tokens; k:ID:q where the key's newest period begins, k:ID:qa what is
--                  available in it
--   {ORG}:holds    request -> hold
--   {ORG}:seeding  the token of whoever builds the state anew, for seconds
--   {ORG}:backlog  the slices that arrived meanwhile
--
-- An amount is text from its first digit to its last. Lua has doubles only, so no amount is ever made a number here and
-- none is ever built: amounts come as arguments, HINCRBY does the sums, and only the first byte of a result is looked at.
-- It is one file because it is one library: Redis loads a library as one text, its functions see nothing of another's, and all of
-- these cut and pack the same rows. Whoever loads it puts a digest of it in place of the last word of the library's name (see README.md).

-- Redis 7.0 has no `string` and no `redis.call` while it loads a library, so these are bound by the first call.
local byte, sub, match, call, pcall
local function bind()
  byte, sub, match, call, pcall = string.byte, string.sub, string.match, redis.call, redis.pcall
end

local MINUS, PENDING, ACTIVE, DELETED, YES, RETAINED = 45, 112, 97, 100, 49, 114
local STATUS = { active = 'a', inactive = 'i', deleted = 'd' }

local function negative(amount) return amount and byte(amount, 1) == MINUS end

-- Compares two amounts that are not negative, as text: the longer is the greater.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

-- Adds to what is available on all scopes or on none; false when a sum would leave int64.
local function move(state, fields, amount, inverse)
  for i = 1, #fields do
    if type(pcall('HINCRBY', state, fields[i], amount)) == 'table' then
      for j = 1, i - 1 do call('HINCRBY', state, fields[j], inverse) end
      return false
    end
  end
  return true
end

-- Packed rows, fixed widths first, so that the hot path cuts instead of searching. Short, because Lua hashes every byte of
-- every string that it is given.
--   organization: status strict policy [r]     ('a' '1' position of the newest event that changed what routing depends on;
--                                              'r' when bodies are retained)
--   project:      status limited "|" limit "|" -limit "|"
--   key:          status limited expiring rated periodic digest(64) "|" limit "|" -limit "|" expires "|" rpm "|" tpm "|"
--                 period "|" amount "|" -amount "|"      (a period is h, d, w or m and how many: `d1`)
--   hold:         'p'ending or 'c'onfirmed, seconds since 1970(10) project(36) key(36) instance(36) amount
local function flag(text) return text == '' and '0' or '1' end

local function pack_project(p) return p.status .. flag(p.limit) .. '|' .. p.limit .. '|' .. p.minus .. '|' end

local function unpack_project(text)
  local limit, minus = match(text, '^..|([^|]*)|([^|]*)|')
  return { status = sub(text, 1, 1), limit = limit, minus = minus }
end

local function pack_key(k)
  local rated = (k.rpm ~= '' or k.tpm ~= '') and '1' or '0'
  return k.status .. flag(k.limit) .. flag(k.expires) .. rated .. flag(k.period) .. k.digest .. '|' .. k.limit .. '|' .. k.minus
    .. '|' .. k.expires .. '|' .. k.rpm .. '|' .. k.tpm .. '|' .. k.period .. '|' .. k.amount .. '|' .. k.less .. '|'
end

local function unpack_key(text)
  local limit, minus, expires, rpm, tpm, period, amount, less = match(
    text, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|', 71)
  return {
    status = sub(text, 1, 1), digest = sub(text, 6, 69), limit = limit, minus = minus, expires = expires, rpm = rpm, tpm = tpm,
    period = period, amount = amount, less = less,
  }
end

-- Periods are windows of the calendar in UTC, counted from 1970 (weeks from the Monday of the 5th of January). Times are counts
-- of seconds, not amounts: numbers are right here.

-- Months since January 1970 of a time, and the time at which such a month begins (the Gregorian calendar, in eras of 400 years).
local function month_of(seconds)
  local z = math.floor(seconds / 86400) + 719468
  local era = math.floor(z / 146097)
  local day = z - era * 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  local month = math.floor((5 * (day - (365 * year + math.floor(year / 4) - math.floor(year / 100))) + 2) / 153)
  -- Such a year begins in March.
  return (era * 400 + year - 1970) * 12 + month + 2
end

local function month_begins(month)
  local year, of_year = 1970 + math.floor((month - 2) / 12), (month - 2) % 12
  local era = math.floor(year / 400)
  year = year - era * 400
  local day = year * 365 + math.floor(year / 4) - math.floor(year / 100) + math.floor((153 * of_year + 2) / 5)
  return (era * 146097 + day - 719468) * 86400
end

local LENGTH = { h = 3600, d = 86400, w = 604800 }

-- Where the period begins that a time lies in, and where it ends.
local function window(period, seconds)
  local unit, count = sub(period, 1, 1), tonumber(sub(period, 2))
  if unit == 'm' then
    local month = month_of(seconds)
    local first = month - month % count
    return month_begins(first), month_begins(first + count)
  end
  local length, origin = LENGTH[unit] * count, unit == 'w' and 345600 or 0
  local begins = seconds - (seconds - origin) % length
  return begins, begins + length
end

-- The field of what is available in a key's period of a time. Only the newest period is kept, and a newer one than that begins
-- full; nil for an older one: nobody asks for it any more.
local function period_field(state, of_key, row, seconds, newest)
  local begins = window(row.period, seconds)
  if newest and begins < newest then return nil end
  if begins ~= newest then
    call('HSET', state, of_key .. ':q', string.format('%.0f', begins), of_key .. ':qa', row.amount)
  end
  return of_key .. ':qa'
end

-- What a charge counts against: the organization, the project, the key, and the key's period of the time at which the request
-- was admitted. A key that was deleted has no fields, and gets none.
local function scopes(state, project, key, seconds)
  local of_key = 'k:' .. key
  local fields = { 'o:a', 'p:' .. project .. ':a' }
  local row = call('HGET', state, of_key)
  if not row then return fields end
  fields[3] = of_key .. ':a'
  if byte(row, 5) == YES then
    fields[4] = period_field(state, of_key, unpack_key(row), seconds, tonumber(call('HGET', state, of_key .. ':q')))
  end
  return fields
end

local function hold_time(hold) return tonumber(sub(hold, 2, 11)) end
local function hold_amount(hold) return sub(hold, 120) end
local function hold_scopes(state, hold) return scopes(state, sub(hold, 12, 47), sub(hold, 48, 83), hold_time(hold)) end

-- Rates are counts, not amounts: numbers are right here.

-- Milliseconds until `cost` fits under `limit`, '' when it never will.
local function wait(limit, cost, this, before, into)
  if cost > limit then return '' end
  local seconds
  if this + cost <= limit then
    seconds = 60 - 60 * (limit - cost - this) / before - into
  else
    seconds = 60 - into + math.max(0, 60 - 60 * (limit - cost) / this)
  end
  return string.format('%.0f', math.ceil(math.max(0.001, seconds) * 1000))
end

-- This minute's count and the share of the last minute's that still lies within 60 s. Answers the count to store when the
-- request is let through, or nil, the reason and the milliseconds to wait.
local function rate(stored, key, tokens, time)
  local row = unpack_key(key)
  local seconds, micros = tonumber(time[1]), tonumber(time[2])
  local rpm, tpm, cost = tonumber(row.rpm), tonumber(row.tpm), tonumber(tokens)
  local minute = math.floor(seconds / 60)
  local into = seconds - minute * 60 + micros / 1000000
  local at, r, rb, t, tb = match(stored or '', '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
  at, r, rb, t, tb = tonumber(at), tonumber(r), tonumber(rb), tonumber(t), tonumber(tb)
  if at == minute - 1 then r, rb, t, tb = 0, r, 0, t elseif at ~= minute then r, rb, t, tb = 0, 0, 0, 0 end
  local share = (60 - into) / 60
  if rpm and r + rb * share + 1 > rpm then return nil, 'requests_per_minute', wait(rpm, 1, r, rb, into) end
  if tpm and t + tb * share + cost > tpm then return nil, 'tokens_per_minute', wait(tpm, cost, t, tb, into) end
  return string.format('%.0f %.0f %.0f %.0f %.0f', minute, r + 1, rb, t + cost, tb)
end

-- One line of text, because an array costs more than it says:
--   unknown
--   stale policy
--   denied reason scope retry_ms organization project key period
--   admitted epoch seconds microseconds policy[r] strict organization project key period
-- The last four are what is available; '-' stands for nothing: no limit, or no figure.
local function deny(reason, scope, retry)
  return 'denied ' .. reason .. ' ' .. scope .. ' ' .. (retry or '-') .. ' - - - -'
end

-- admit STATE HOLDS  request owner digest hold -hold tokens policy [mode]    (owner: project key instance)
-- `policy` is the position up to which the caller knows what routing depends on; when a newer event changed it, the answer is
-- `stale` and nothing is held. `mode` is `unbounded` when the request may cost more than the hold (strict organizations take no
-- such request), `refused` when the caller's policy refuses it: then it is denied for that, if by nothing else.
local function admit(keys, args)
  local state, holds, request, owner, hold, debit = keys[1], keys[2], args[1], args[2], args[4], args[5]
  local of_project, of_key = 'p:' .. sub(owner, 1, 36), 'k:' .. sub(owner, 37, 72)
  local read = call('HMGET', state, 'epoch', 'o', of_project, of_key)
  local epoch, o, p, k = read[1], read[2], read[3], read[4]
  if not epoch or not o then return 'unknown' end
  if not k or byte(k, 1) == DELETED or sub(k, 6, 69) ~= args[3] then return deny('unknown_key', 'api_key') end
  local time = call('TIME')
  if byte(k, 1) ~= ACTIVE then return deny('key_inactive', 'api_key') end
  if byte(k, 3) == YES and tonumber(unpack_key(k).expires) <= tonumber(time[1]) * 1000000 + tonumber(time[2]) then
    return deny('key_expired', 'api_key')
  end
  if not p or byte(p, 1) ~= ACTIVE then return deny('project_inactive', 'project') end
  if byte(o, 1) ~= ACTIVE then return deny('organization_inactive', 'organization') end
  local policy = byte(o, -1) == RETAINED and sub(o, 3, -2) or sub(o, 3)
  -- Positions stay far below 2^53, so numbers are right here; and mostly the texts are equal.
  if policy ~= args[7] and tonumber(policy) > tonumber(args[7]) then return 'stale ' .. policy end
  if args[8] == 'refused' then return deny('permission_denied', 'api_key') end
  if args[8] and byte(o, 2) == YES then return deny('unbounded', 'organization') end

  -- When the request is admitted. A clock that went back does not open an older period: what is admitted then counts in the newest,
  -- and the ledger hears so too, or the hold would be given back to one period and taken from another.
  local seconds, micros, newest = time[1], time[2], nil
  if byte(k, 5) == YES then
    newest = call('HGET', state, of_key .. ':q')
    if newest and tonumber(newest) > tonumber(seconds) then seconds, micros = newest, '0' end
  end

  local places, counted = hold ~= '0', nil
  if places and call('HSETNX', holds, request, 'p' .. seconds .. owner .. hold) == 0 then
    -- The same call again, after an answer that was lost: the hold is there already and counts once, where it was counted.
    local old = call('HGET', holds, request)
    if byte(old, 1) ~= PENDING or hold_amount(old) ~= hold then return redis.error_reply('DUPLICATE this request has a hold') end
    places, seconds, micros = false, sub(old, 2, 11), '0'
  elseif byte(k, 4) == YES then
    local reason, retry
    counted, reason, retry = rate(call('HGET', state, of_key .. ':r'), k, args[6], time)
    if not counted then
      if places then call('HDEL', holds, request) end
      return deny(reason, 'api_key', retry)
    end
  end

  local fields, ends = { 'o:a', of_project .. ':a', of_key .. ':a' }, nil
  if byte(k, 5) == YES then
    local row = unpack_key(k)
    fields[4] = period_field(state, of_key, row, tonumber(seconds), tonumber(newest))
    ends = select(2, window(row.period, tonumber(seconds)))
  end
  if places and not move(state, fields, debit, hold) then
    call('HDEL', holds, request)
    return redis.error_reply('OVERFLOW an amount would leave int64')
  end
  local left = call('HMGET', state, fields[1], fields[2], fields[3], fields[4] or '-')
  local p_limited, k_limited = byte(p, 2) == YES, byte(k, 2) == YES
  if places then
    local denial
    if negative(left[1]) then
      denial = 'denied balance organization - '
    elseif p_limited and negative(left[2]) then
      denial = 'denied project_limit project - '
    elseif k_limited and negative(left[3]) then
      denial = 'denied key_limit api_key - '
    elseif negative(left[4]) then
      local wait = (ends - tonumber(time[1])) * 1000 - math.floor(tonumber(time[2]) / 1000)
      denial = 'denied period_limit api_key ' .. string.format('%.0f ', wait)
    end
    if denial then
      move(state, fields, hold, debit)
      call('HDEL', holds, request)
      left = call('HMGET', state, fields[1], fields[2], fields[3], fields[4] or '-')
      return denial .. left[1] .. ' ' .. (p_limited and left[2] or '-') .. ' ' .. (k_limited and left[3] or '-') .. ' '
        .. (left[4] or '-')
    end
  end
  if counted then call('HSET', state, of_key .. ':r', counted) end
  return 'admitted ' .. epoch .. ' ' .. seconds .. ' ' .. micros .. ' ' .. sub(o, 3) .. ' ' .. sub(o, 2, 2) .. ' ' .. left[1]
    .. ' ' .. (p_limited and left[2] or '-') .. ' ' .. (k_limited and left[3] or '-') .. ' ' .. (left[4] or '-')
end

-- The state is wrong from here on: it has no epoch any more, and the next request has it built anew.
local function distrust(state, reason)
  local epoch = call('HGET', state, 'epoch')
  if epoch then
    call('HSET', state, 'unknown', epoch .. ' ' .. reason)
    call('HDEL', state, 'epoch')
  end
  return 'unknown'
end

-- lower STATE HOLDS  request amount -amount -> lowered | kept (no hold, or not higher) | unknown
local function lower(keys, args)
  local state, holds, request = keys[1], keys[2], args[1]
  local hold = call('HGET', holds, request)
  if not hold or not less(args[2], hold_amount(hold)) then return 'kept' end
  local fields = hold_scopes(state, hold)
  for i = 1, #fields do
    -- Down first: the sum of both is what it was or more, so only its end can be too large.
    if type(pcall('HINCRBY', state, fields[i], args[3])) == 'table' then return distrust(state, 'overflow') end
    if type(pcall('HINCRBY', state, fields[i], hold_amount(hold))) == 'table' then return distrust(state, 'overflow') end
  end
  call('HSET', holds, request, sub(hold, 1, 119) .. args[2])
  return 'lowered'
end

-- Gives a hold's amount back and removes it; only a caller that knows that its event can't come may do so.
local function free(state, holds, request, hold)
  call('HDEL', holds, request)
  return move(state, hold_scopes(state, hold), hold_amount(hold), '0')
end

-- release STATE HOLDS  request -> released | confirmed (its event came: only `apply` may end it) | missing | unknown
local function release(keys, args)
  local hold = call('HGET', keys[2], args[1])
  if not hold then return 'missing' end
  if byte(hold, 1) ~= PENDING then return 'confirmed' end
  if not free(keys[1], keys[2], args[1], hold) then return distrust(keys[1], 'overflow') end
  return 'released'
end

-- One step per operation: its arity, and what it does. A step answers false when a sum would leave int64.
local steps = {}

-- request owner seconds hold -hold
steps.authorize = { 5, function(state, holds, a, i)
  local hold = call('HGET', holds, a[i])
  if hold then
    if byte(hold, 1) == PENDING then call('HSET', holds, a[i], 'c' .. sub(hold, 2)) end
    return true
  end
  if a[i + 3] == '0' then return true end
  hold = 'c' .. a[i + 2] .. a[i + 1] .. a[i + 3]
  call('HSET', holds, a[i], hold)
  return move(state, hold_scopes(state, hold), a[i + 4], a[i + 3])
end }

-- request project key charged -charged seconds; a hold that the gateway lowered to the charge is the debit already
steps.settle = { 6, function(state, holds, a, i)
  local hold = call('HGET', holds, a[i])
  if hold and hold_amount(hold) == a[i + 3] then
    call('HDEL', holds, a[i])
    return true
  end
  if hold and not free(state, holds, a[i], hold) then return false end
  if a[i + 3] == '0' then return true end
  return move(state, scopes(state, a[i + 1], a[i + 2], tonumber(a[i + 5])), a[i + 4], a[i + 3])
end }

-- request
steps.void = { 1, function(state, holds, a, i)
  local hold = call('HGET', holds, a[i])
  return not hold or free(state, holds, a[i], hold)
end }

-- amount, negative when credit is taken away
steps.credit = { 1, function(state, _, a, i) return type(pcall('HINCRBY', state, 'o:a', a[i])) ~= 'table' end }

-- status strict retention; '=' leaves a field as it is
steps.organization = { 3, function(state, _, a, i)
  local o = call('HGET', state, 'o') or 'i10'
  local status = a[i] == '=' and sub(o, 1, 1) or STATUS[a[i]]
  local strict = a[i + 1] == '=' and sub(o, 2, 2) or (a[i + 1] == 'true' and '1' or '0')
  local policy, retained = match(o, '^..(%d+)(r?)$')
  if a[i + 2] ~= '=' then retained = a[i + 2] == 'retain' and 'r' or '' end
  call('HSET', state, 'o', status .. strict .. policy .. retained)
  call('HINCRBY', state, 'o:a', '0')
  return true
end }

-- What routing depends on changed by the event at `position`.
local function moved(state, position)
  local o = call('HGET', state, 'o') or 'i10'
  call('HSET', state, 'o', sub(o, 1, 2) .. position .. match(o, '(r?)$'))
  return true
end

-- an event that changes what routing depends on, and nothing else; a step's position stands before its name
steps.policy = { 0, function(state, _, a, i) return moved(state, a[i - 2]) end }

-- What is available is limit (0 when there is none) - charged - holds: a new limit takes the old one off and adds itself.
local function relimit(state, field, row, limit, minus)
  if limit == '=' then return true end
  if row.minus ~= '' and type(pcall('HINCRBY', state, field, row.minus)) == 'table' then return false end
  if limit ~= '' and type(pcall('HINCRBY', state, field, limit)) == 'table' then return false end
  row.limit, row.minus = limit, minus
  return true
end

-- project status limit -limit
steps.project = { 4, function(state, _, a, i)
  local field = 'p:' .. a[i]
  local text = call('HGET', state, field)
  local row = text and unpack_project(text) or { status = 'a', limit = '', minus = '' }
  if a[i + 1] ~= '=' then row.status = STATUS[a[i + 1]] end
  call('HINCRBY', state, field .. ':a', '0')
  if not relimit(state, field .. ':a', row, a[i + 2], a[i + 3]) then return false end
  call('HSET', state, field, pack_project(row))
  return moved(state, a[i - 2])
end }

-- What a key has spent in a period of another length is not known here: the state is built anew from the tables, which know.
local function reperiod(state, field, row, period, amount, less, is_new)
  if period == '=' then return true end
  local is_other = period ~= row.period
  if is_other or period == '' then
    call('HDEL', state, field .. ':q', field .. ':qa')
  elseif call('HEXISTS', state, field .. ':qa') == 1 then
    if not move(state, { field .. ':qa' }, row.less, row.amount) or not move(state, { field .. ':qa' }, amount, less) then
      return false
    end
  end
  row.period, row.amount, row.less = period, amount, less
  if is_other and period ~= '' and not is_new then distrust(state, 'period') end
  return true
end

-- key digest status limit -limit expires rpm tpm period amount -amount
steps.key = { 11, function(state, _, a, i)
  local field = 'k:' .. a[i]
  -- Deleted for good: it leaves nothing, or a state would grow with every key that ever was. What its requests still hold and are
  -- charged counts for the project and the organization.
  if a[i + 2] == 'deleted' then
    call('HDEL', state, field, field .. ':a', field .. ':r', field .. ':q', field .. ':qa')
    return true
  end
  local text = call('HGET', state, field)
  -- Only what makes a key says both: this one was deleted.
  if not text and (a[i + 1] == '=' or a[i + 2] == '=') then return true end
  local row = text and unpack_key(text)
    or {
      status = 'a', digest = '', limit = '', minus = '', expires = '', rpm = '', tpm = '', period = '', amount = '', less = '',
    }
  if a[i + 1] ~= '=' then row.digest = a[i + 1] end
  if a[i + 2] ~= '=' then row.status = STATUS[a[i + 2]] end
  if a[i + 5] ~= '=' then row.expires = a[i + 5] end
  if a[i + 6] ~= '=' then row.rpm = a[i + 6] end
  if a[i + 7] ~= '=' then row.tpm = a[i + 7] end
  call('HINCRBY', state, field .. ':a', '0')
  if not relimit(state, field .. ':a', row, a[i + 3], a[i + 4]) then return false end
  if not reperiod(state, field, row, a[i + 8], a[i + 9], a[i + 10], not text) then return false end
  call('HSET', state, field, pack_key(row))
  return true
end }

-- epoch: a state of an older one is fenced by append; saying so here saves the gateway a refused append
steps.epoch = { 1, function(state, _, a, i)
  local epoch = call('HGET', state, 'epoch')
  if epoch and tonumber(epoch) < tonumber(a[i]) then distrust(state, 'epoch') end
  return true
end }

-- reason: an event that can't be understood parks its organization, and no other
steps.park = { 1, function(state, _, a, i)
  distrust(state, 'parked ' .. a[i])
  return true
end }

-- A slice: previous last (position step arguments)... -> applied | already | unknown | missing.  Each event of the organization is applied once, in order.
local function fold(state, holds, a, i)
  local read = call('HMGET', state, 'epoch', 'position')
  if not read[2] then return 'missing' end
  if not read[1] then return 'unknown' end
  local stored, previous, last = tonumber(read[2]), tonumber(a[i]), a[i + 1]
  if stored >= tonumber(last) then return 'already' end
  -- Past `previous` is right only at one of this slice's own events: a batch cut elsewhere, after a crash.
  local known = stored == previous
  i = i + 2
  while i <= #a do
    local position, step = tonumber(a[i]), steps[a[i + 1]]
    if position == stored then known = true end
    if position > stored then
      if not known then return distrust(state, 'gap') end
      if not step[2](state, holds, a, i + 2) then return distrust(state, 'overflow at ' .. a[i]) end
    end
    i = i + 2 + step[1]
  end
  if not known then return distrust(state, 'gap') end
  call('HSET', state, 'position', last)
  return 'applied'
end

-- apply STATE HOLDS SEEDING BACKLOG  slice -> applied | already | unknown | missing
-- It never begins a state, not even with an organization's first slice: one that the network held back until everything had been
-- flushed would begin one that lacks all that came after.
local function apply(keys, args)
  if call('EXISTS', keys[3]) == 1 then
    call('RPUSH', keys[4], cmsgpack.pack(args))
    call('PEXPIRE', keys[4], 60000)
  end
  return fold(keys[1], keys[2], args, 1)
end

-- claim STATE HOLDS SEEDING BACKLOG  name wanted_epoch ttl_ms
-- -> known epoch | wait | claimed token missing | claimed token stale epoch | claimed token unknown epoch reason
-- The token has the time in it, so that a claim which arrives a second time gives nothing to whoever made it the first time.
local function claim(keys, args)
  local read = call('HMGET', keys[1], 'epoch', 'unknown')
  local epoch, unknown = read[1], read[2]
  if epoch and tonumber(epoch) >= tonumber(args[2]) then return { 'known', epoch } end
  local time = call('TIME')
  local token = args[1] .. ' ' .. time[1] .. ' ' .. time[2]
  if not call('SET', keys[3], token, 'NX', 'PX', args[3]) then return { 'wait' } end
  call('DEL', keys[4])
  if epoch then return { 'claimed', token, 'stale', epoch } end
  if unknown then return { 'claimed', token, 'unknown', match(unknown, '^(%d+) (.*)$') } end
  return { 'claimed', token, 'missing' }
end

-- unclaim STATE HOLDS SEEDING BACKLOG  token
local function unclaim(keys, args)
  if call('GET', keys[3]) ~= args[1] then return 'lost' end
  call('DEL', keys[3], keys[4])
  return 'given up'
end

-- seed STATE HOLDS SEEDING BACKLOG  token epoch position fields (field value)... holds (request hold)... slice...
-- -> seeded | already | lost | unknown
-- The whole state, absolute: set once, only over an older epoch, and only by whoever still has the claim. `unknown` when its events
-- lead to a state that can't be trusted: one that has a period of another length is built from tables that know the change.
local function seed(keys, args)
  local state, holds = keys[1], keys[2]
  if call('GET', keys[3]) ~= args[1] then return 'lost' end
  local slices = call('LRANGE', keys[4], 0, -1)
  call('DEL', keys[3], keys[4])
  local epoch = call('HGET', state, 'epoch')
  if epoch and tonumber(epoch) >= tonumber(args[2]) then return 'already' end
  call('UNLINK', state, holds)
  call('HSET', state, 'epoch', args[2], 'position', args[3])
  local i = 5
  for _ = 1, tonumber(args[4]) do
    call('HSET', state, args[i], args[i + 1])
    i = i + 2
  end
  local count = tonumber(args[i])
  i = i + 1
  for _ = 1, count do
    call('HSET', holds, args[i], args[i + 1])
    i = i + 2
  end
  if i <= #args then fold(state, holds, args, i) end
  for _, slice in ipairs(slices) do fold(state, holds, cmsgpack.unpack(slice), 1) end
  local unknown = call('HGET', state, 'unknown')
  if not unknown then return 'seeded' end
  -- Nothing was ever held in this state, so all that may be lost is of the epochs before: its own is good for the next attempt, and
  -- no other has to begin. (Epochs are positions, far below 2^53.)
  call('HSET', state, 'unknown', string.format('%.0f', tonumber(args[2]) - 1) .. match(unknown, ' .*$'))
  return 'unknown'
end

-- available STATE  project key -> '' | organization project key period
local function available(keys, args)
  local p, k = 'p:' .. args[1], 'k:' .. args[2]
  local read = call('HMGET', keys[1], 'epoch', 'o:a', p .. ':a', k .. ':a', p, k, k .. ':q', k .. ':qa')
  if not read[1] or not read[2] or not read[5] or not read[6] then return {} end
  local period = ''
  if byte(read[6], 5) == YES then
    local row = unpack_key(read[6])
    local begins = window(row.period, tonumber(call('TIME')[1]))
    period = read[7] and tonumber(read[7]) >= begins and read[8] or row.amount
  end
  return { read[2], byte(read[5], 2) == YES and read[3] or '', byte(read[6], 2) == YES and read[4] or '', period }
end

-- overdue HOLDS  age_seconds limit -> (request hold)...  Holds whose event has not come for so long, by Redis's clock.
local function overdue(keys, args)
  local before, found, cursor = tonumber(call('TIME')[1]) - tonumber(args[1]), {}, '0'
  repeat
    local page = call('HSCAN', keys[1], cursor, 'COUNT', 1000)
    cursor = page[1]
    for i = 1, #page[2], 2 do
      local hold = page[2][i + 1]
      if byte(hold, 1) == PENDING and hold_time(hold) < before then
        found[#found + 1], found[#found + 2] = page[2][i], hold
        if #found >= 2 * tonumber(args[2]) then return found end
      end
    end
  until cursor == '0'
  return found
end

-- mark SERVER MARKING  token run_id epoch -> marked | lost.  Which Redis this ledger trusts, and since which epoch.
local function mark(keys, args)
  if call('GET', keys[2]) ~= args[1] then return 'lost' end
  call('DEL', keys[1], keys[2])
  call('HSET', keys[1], 'run_id', args[2], 'epoch', args[3], 'complete', '0')
  return 'marked'
end

-- complete SERVER  run_id epoch -> 1 | 0.  Every organization has been looked at since that epoch.
local function complete(keys, args)
  local read = call('HMGET', keys[1], 'run_id', 'epoch')
  if read[1] ~= args[1] or read[2] ~= args[2] then return 0 end
  call('HSET', keys[1], 'complete', '1')
  return 1
end

local prefix = 'llmgateway_admission_dev_'
local function register(name, callback, ...)
  redis.register_function {
    function_name = prefix .. name,
    callback = function(keys, args)
      if not call then bind() end
      return callback(keys, args)
    end,
    flags = { ... },
  }
end

register('admit', admit)
register('lower', lower, 'allow-oom')
register('release', release, 'allow-oom')
register('apply', apply, 'allow-oom')
register('claim', claim)
register('unclaim', unclaim, 'allow-oom')
register('seed', seed)
register('available', available, 'no-writes')
register('overdue', overdue, 'no-writes')
register('mark', mark)
register('complete', complete)
