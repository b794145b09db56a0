import Admission
import Redis

/// `apply`, `claim` and `seed`: how a state comes to be what the ledger says.
extension AdmissionModel {
    mutating func apply(_ tag: String, _ arguments: [String], _ now: Int64) -> String {
        if lock(tag + ":seeding", now) != nil { backlogs[tag, default: []].append(arguments) }
        return fold(tag, arguments, 0)
    }

    mutating func claim(_ tag: String, _ arguments: [String], _ now: Int64) -> RedisValue {
        func words(_ words: String...) -> RedisValue { .array(words.map(RedisValue.text)) }
        let state = states[tag]
        if let epoch = state?.epoch, epoch >= Int64(arguments[1]) ?? 0 { return words("known", String(epoch)) }
        guard lock(tag + ":seeding", now) == nil else { return words("wait") }
        let token = "\(arguments[0]) \(now / 1_000_000) \(now % 1_000_000)"
        locks[tag + ":seeding"] = Lock(token: token, until: now + (Int64(arguments[2]) ?? 0) * 1000)
        backlogs[tag] = nil
        if let epoch = state?.epoch { return words("claimed", token, "stale", String(epoch)) }
        if let unknown = state?.unknown {
            let parts = unknown.split(separator: " ", maxSplits: 1).map { String($0) }
            return words("claimed", token, "unknown", parts[0], parts[1])
        }
        return words("claimed", token, "missing")
    }

    mutating func seed(_ tag: String, _ arguments: [String], _ now: Int64) -> String {
        guard lock(tag + ":seeding", now) == arguments[0] else { return "lost" }
        let slices = backlogs[tag] ?? []
        locks[tag + ":seeding"] = nil
        backlogs[tag] = nil
        if let epoch = states[tag]?.epoch, epoch >= Int64(arguments[1]) ?? 0 { return "already" }
        var state = AdmissionState()
        state.epoch = Int64(arguments[1])
        state.position = Int64(arguments[2])
        var index = 4
        for _ in 0..<(Int(arguments[3]) ?? 0) {
            state.set(arguments[index], arguments[index + 1])
            index += 2
        }
        let count = Int(arguments[index]) ?? 0
        index += 1
        for _ in 0..<count {
            state.holds[arguments[index]] = AdmissionState.Hold(arguments[index + 1])
            index += 2
        }
        states[tag] = state
        if index < arguments.count { _ = fold(tag, arguments, index) }
        for slice in slices { _ = fold(tag, slice, 0) }
        guard let unknown = states[tag]?.unknown else { return "seeded" }
        // Nothing was ever held in it: its epoch is good for the next attempt.
        states[tag]?.unknown = "\((Int64(arguments[1]) ?? 0) - 1)\(unknown.drop { $0 != " " })"
        return "unknown"
    }

    /// A slice: previous, last, and for each event its position, the step and the step's arguments.
    private mutating func fold(_ tag: String, _ a: [String], _ start: Int) -> String {
        guard var state = states[tag], let stored = state.position else { return "missing" }
        guard state.epoch != nil else { return "unknown" }
        let (previous, last) = (Int64(a[start]) ?? 0, Int64(a[start + 1]) ?? 0)
        if stored >= last, mutation != .appliesTwice { return "already" }
        var isKnown = stored == previous
        var index = start + 2
        while index < a.count {
            let position = Int64(a[index]) ?? 0
            let (name, first) = (a[index + 1], index + 2)
            let width = Self.arity[name] ?? 0
            if position == stored { isKnown = true }
            if position > stored || mutation == .appliesTwice {
                if !isKnown, mutation != .appliesTwice {
                    state.distrust("gap")
                    states[tag] = state
                    return "unknown"
                }
                if mutation != .skipsEvents || position % 5 != 0 || name != "settle" {
                    guard step(&state, name, Array(a[first..<(first + width)]), position) else {
                        state.distrust("overflow at \(a[index])")
                        states[tag] = state
                        return "unknown"
                    }
                }
            }
            index = first + width
        }
        if !isKnown, mutation != .appliesTwice {
            state.distrust("gap")
            states[tag] = state
            return "unknown"
        }
        state.position = last
        states[tag] = state
        return "applied"
    }

    private static let arity = [
        "authorize": 5, "settle": 6, "void": 1, "credit": 1, "organization": 3, "policy": 0, "project": 4, "key": 11, "epoch": 1,
        "park": 1,
    ]

    /// false when a sum would leave int64.
    private func step(_ state: inout AdmissionState, _ name: String, _ a: [String], _ position: Int64) -> Bool {
        switch name {
        case "authorize":
            if state.holds[a[0]] != nil {
                state.holds[a[0]]?.isConfirmed = true
                return true
            }
            guard let amount = Int64(a[3]), amount != 0 else { return true }
            let hold = AdmissionState.Hold(isConfirmed: true, seconds: Int64(a[2]) ?? 0, owner: a[1], amount: amount)
            state.holds[a[0]] = hold
            return state.move(state.scopes(hold), -amount)
        case "settle":
            let charged = Int64(a[3]) ?? 0
            if let hold = state.holds[a[0]], mutation != .keepsHolds {
                if hold.amount == charged {
                    state.holds[a[0]] = nil
                    return true
                }
                guard state.free(a[0], hold) else { return false }
            }
            if charged == 0 { return true }
            return state.move(state.scopes(a[1], a[2], Int64(a[5]) ?? 0), -charged)
        case "void":
            guard let hold = state.holds[a[0]], mutation != .neverReleases else { return true }
            return state.free(a[0], hold)
        case "credit": return state.move(["o:a"], Int64(a[0]) ?? 0)
        case "organization":
            var row = state.organization ?? .init()
            if a[0] != "=" { row.status = a[0].first ?? "i" }
            if a[1] != "=" { row.strict = a[1] == "true" }
            if a[2] != "=" { row.retained = a[2] == "retain" }
            state.organization = row
            return state.move(["o:a"], 0)
        case "policy": return state.moved(position)
        case "project":
            var row = state.projects[a[0]] ?? .init()
            if a[1] != "=" { row.status = a[1].first ?? "a" }
            guard state.move(["p:\(a[0]):a"], 0), state.relimit("p:\(a[0]):a", &row.limit, a[2]) else { return false }
            state.projects[a[0]] = row
            return state.moved(position)
        case "key": return key(&state, a)
        case "epoch":
            if let epoch = state.epoch, epoch < Int64(a[0]) ?? 0 { state.distrust("epoch") }
            return true
        default:
            state.distrust("parked \(a[0])")
            return true
        }
    }

    private func key(_ state: inout AdmissionState, _ a: [String]) -> Bool {
        let (id, scope) = (a[0], "k:\(a[0]):a")
        if a[2] == "deleted" {
            state.forget(key: id)
            return true
        }
        let isNew = state.keys[id] == nil
        // Only what makes a key says both: this one was deleted.
        if isNew, a[1] == "=" || a[2] == "=" { return true }
        var row = state.keys[id] ?? .init()
        if a[1] != "=" { row.digest = a[1] }
        if a[2] != "=" { row.status = a[2].first ?? "a" }
        if a[5] != "=" { row.expires = Int64(a[5]) }
        if a[6] != "=" { row.requests = Int64(a[6]) }
        if a[7] != "=" { row.tokens = Int64(a[7]) }
        guard state.move([scope], 0), state.relimit(scope, &row.limit, a[3]) else { return false }
        if a[8] != "=" {
            let period = Int64(a[9]).map { AdmissionState.Period(name: a[8], amount: $0) }
            let isOther = period?.name != row.period?.name
            if isOther || period == nil {
                state.begins[id] = nil
                state.available["k:\(id):qa"] = nil
            } else if state.available["k:\(id):qa"] != nil, let old = row.period, let period {
                guard state.move(["k:\(id):qa"], -old.amount), state.move(["k:\(id):qa"], period.amount) else { return false }
            }
            row.period = period
            if isOther, period != nil, !isNew { state.distrust("period") }
        }
        state.keys[id] = row
        return true
    }
}

extension AdmissionState {
    /// What routing depends on changed by the event at `position`.
    fileprivate mutating func moved(_ position: Int64) -> Bool {
        var row = organization ?? Organization()
        row.policy = position
        organization = row
        return true
    }

    /// A deleted key leaves nothing.
    fileprivate mutating func forget(key id: String) {
        keys[id] = nil
        begins[id] = nil
        rates[id] = nil
        available["k:\(id):a"] = nil
        available["k:\(id):qa"] = nil
    }

    /// Takes the old limit off and adds the new one.
    fileprivate mutating func relimit(_ scope: String, _ limit: inout Int64?, _ text: String) -> Bool {
        if text == "=" { return true }
        if let limit, !move([scope], -limit) { return false }
        limit = Int64(text)
        return limit.map { move([scope], $0) } ?? true
    }
}
