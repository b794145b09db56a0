import Admission
import Redis

extension AdmissionModel {
    private static func denied(_ reason: String, _ scope: String, _ wait: String = "-") -> Answer {
        .success(.text("denied \(reason) \(scope) \(wait) - - - -"))
    }

    mutating func admit(_ tag: String, _ arguments: [String], _ now: Int64) -> Answer {
        guard var state = states[tag], let epoch = state.epoch, let organization = state.organization else {
            return .success(.text("unknown"))
        }
        let (request, owner, hold) = (arguments[0], arguments[1], Int64(arguments[3]) ?? 0)
        let (project, key) = (String(owner.prefix(36)), String(owner.dropFirst(36).prefix(36)))
        let mode = arguments.count > 7 ? arguments[7] : nil
        guard let k = state.keys[key], k.status != "d", k.digest == arguments[2] else {
            return Self.denied("unknown_key", "api_key")
        }
        guard k.status == "a" else { return Self.denied("key_inactive", "api_key") }
        if let expires = k.expires, expires <= now { return Self.denied("key_expired", "api_key") }
        guard let p = state.projects[project], p.status == "a" else { return Self.denied("project_inactive", "project") }
        guard organization.status == "a" else { return Self.denied("organization_inactive", "organization") }
        if let policy = Int64(arguments[6]), organization.policy > policy {
            return .success(.text("stale \(organization.policy)"))
        }
        if mode == "refused" { return Self.denied("permission_denied", "api_key") }
        if mode != nil, organization.strict { return Self.denied("unbounded", "organization") }

        // A clock that went back does not open an older period.
        var admittedAt = now
        if k.period != nil, let newest = state.begins[key], newest > now / 1_000_000 { admittedAt = newest * 1_000_000 }

        var isPlaced = hold != 0
        var counted: AdmissionState.Rate?
        if isPlaced, let old = state.holds[request] {
            guard !old.isConfirmed, old.amount == hold else {
                return .failure(AdmissionError(.duplicateRequest, "DUPLICATE this request has a hold"))
            }
            isPlaced = false
            admittedAt = old.seconds * 1_000_000
        } else if k.isRated {
            switch AdmissionWindows.count(state.rates[key], k, tokens: Int64(arguments[5]) ?? 0, at: now) {
            case .success(let rate): counted = rate
            case .failure(let refused):
                return .success(.text("denied \(refused.reason) api_key \(refused.wait.isEmpty ? "" : refused.wait) - - - -"))
            }
        }
        let seconds = admittedAt / 1_000_000
        let scopes = state.scopes(project, key, seconds)
        func left(_ state: AdmissionState) -> String {
            let figures = [
                state.available["o:a"], p.limit == nil ? nil : state.available[scopes[1]],
                k.limit == nil ? nil : state.available[scopes[2]], scopes.count > 3 ? state.available[scopes[3]] : nil,
            ]
            return figures.map { $0.map { String($0) } ?? "-" }.joined(separator: " ")
        }
        if isPlaced {
            let before = state
            state.holds[request] = .init(isConfirmed: false, seconds: seconds, owner: owner, amount: hold)
            guard state.move(scopes, -hold) else {
                states[tag] = before
                return .failure(AdmissionError(.overflow, "OVERFLOW an amount would leave int64"))
            }
            var denial: String?
            if state.available["o:a", default: 0] < 0, mutation != .ignoresBalance {
                denial = "denied balance organization -"
            } else if p.limit != nil, state.available[scopes[1], default: 0] < 0 {
                denial = "denied project_limit project -"
            } else if k.limit != nil, state.available[scopes[2], default: 0] < 0 {
                denial = "denied key_limit api_key -"
            } else if scopes.count > 3, state.available[scopes[3], default: 0] < 0, let period = k.period {
                let ends = AdmissionWindows.window(period.name, seconds).ends
                denial = "denied period_limit api_key \((ends - now / 1_000_000) * 1000 - now % 1_000_000 / 1000)"
            }
            if let denial {
                states[tag] = before
                return .success(.text("\(denial) \(left(before))"))
            }
        }
        if let counted { state.rates[key] = counted }
        states[tag] = state
        return .success(
            .text(
                "admitted \(epoch) \(seconds) \(admittedAt % 1_000_000) \(organization.policy)\(organization.retained ? "r" : "") "
                    + "\(organization.strict ? 1 : 0) \(left(state))"))
    }

    mutating func lower(_ tag: String, _ arguments: [String]) -> String {
        guard var state = states[tag], let hold = state.holds[arguments[0]], let amount = Int64(arguments[1]),
            amount < hold.amount
        else { return "kept" }
        guard state.move(state.scopes(hold), hold.amount - amount) else { return distrust(tag, "overflow") }
        state.holds[arguments[0]]?.amount = amount
        states[tag] = state
        return "lowered"
    }

    mutating func release(_ tag: String, _ arguments: [String]) -> String {
        guard var state = states[tag], let hold = state.holds[arguments[0]] else { return "missing" }
        guard !hold.isConfirmed else { return "confirmed" }
        if mutation == .neverReleases { return "released" }
        guard state.free(arguments[0], hold) else { return distrust(tag, "overflow") }
        states[tag] = state
        return "released"
    }

    /// The state is wrong from here on.
    mutating func distrust(_ tag: String, _ reason: String) -> String {
        states[tag]?.distrust(reason)
        return "unknown"
    }

    func available(_ tag: String, _ arguments: [String], _ now: Int64) -> RedisValue {
        let (project, key) = (arguments[0], arguments[1])
        guard let state = states[tag], state.epoch != nil, let all = state.available["o:a"],
            let p = state.projects[project], let k = state.keys[key]
        else { return .array([]) }
        var period = ""
        if let limit = k.period {
            let begins = AdmissionWindows.window(limit.name, now / 1_000_000).begins
            period = String(
                state.begins[key].map { $0 >= begins } == true ? state.available["k:\(key):qa"] ?? 0 : limit.amount)
        }
        func figure(_ limit: Int64?, _ name: String) -> String { limit == nil ? "" : String(state.available[name] ?? 0) }
        return .array(
            [String(all), figure(p.limit, "p:\(project):a"), figure(k.limit, "k:\(key):a"), period].map(RedisValue.text))
    }

    /// In the order of the requests' ids; Redis gives them in any.
    func overdue(_ tag: String, _ arguments: [String], _ now: Int64) -> RedisValue {
        let before = now / 1_000_000 - (Int64(arguments[0]) ?? 0)
        let found = (states[tag]?.holds ?? [:]).filter { !$0.value.isConfirmed && $0.value.seconds < before }
        return .array(
            found.sorted { $0.key < $1.key }.prefix(Int(arguments[1]) ?? 0).flatMap {
                [RedisValue.text($0.key), .text($0.value.rendered)]
            })
    }
}

extension AdmissionState {
    mutating func distrust(_ reason: String) {
        guard let epoch else { return }
        unknown = "\(epoch) \(reason)"
        self.epoch = nil
    }

    /// Adds to what is available on all scopes or on none; false when a sum would leave int64.
    mutating func move(_ scopes: [String], _ amount: Int64) -> Bool {
        var sums: [Int64] = []
        for scope in scopes {
            let (sum, overflow) = available[scope, default: 0].addingReportingOverflow(amount)
            if overflow { return false }
            sums.append(sum)
        }
        for (scope, sum) in zip(scopes, sums) { available[scope] = sum }
        return true
    }

    /// What a charge counts against; opens the key's period of the time when it is newer.
    mutating func scopes(_ project: String, _ key: String, _ seconds: Int64) -> [String] {
        var fields = ["o:a", "p:\(project):a"]
        // A key that was deleted has no fields, and gets none.
        guard let row = keys[key] else { return fields }
        fields.append("k:\(key):a")
        guard let period = row.period else { return fields }
        let from = AdmissionWindows.window(period.name, seconds).begins
        if let newest = begins[key], from < newest { return fields }
        if begins[key] != from {
            begins[key] = from
            available["k:\(key):qa"] = period.amount
        }
        fields.append("k:\(key):qa")
        return fields
    }

    mutating func scopes(_ hold: Hold) -> [String] { scopes(hold.project, hold.key, hold.seconds) }

    /// Gives a hold's amount back and removes it.
    mutating func free(_ request: String, _ hold: Hold) -> Bool {
        holds[request] = nil
        return move(scopes(hold), hold.amount)
    }
}
