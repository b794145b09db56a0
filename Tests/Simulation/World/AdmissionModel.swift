package import Admission
package import Redis

/// Redis with functions.lua in it, in memory: what the functions answer and what they leave, in plain Swift.
///
/// A struct, so that a stale copy of it is a copy. Times are microseconds since 1970.
package struct AdmissionModel: Sendable {
    /// The answer of a function or command; a failure is an error reply.
    package typealias Answer = Result<RedisValue, AdmissionError>

    package struct Lock: Sendable {
        var token: String
        var until: Int64
    }

    var states: [String: AdmissionState] = [:]
    var locks: [String: Lock] = [:]
    var backlogs: [String: [[String]]] = [:]
    /// Plain hashes: `SERVER`.
    var hashes: [String: [String: String]] = [:]
    package var runID = "run-0"
    let mutation: Mutation?

    package init(mutation: Mutation? = nil) { self.mutation = mutation }

    /// What the hashes of an organization (its id in lower case) hold.
    package func content(of organization: String) -> (fields: [String: String], holds: [String: String]) {
        let state = states["{\(organization)}"] ?? AdmissionState()
        return (state.rendered, state.holds.mapValues(\.rendered))
    }

    /// The token of whoever builds an organization's state anew, or did so until the claim ran out.
    package func token(ofClaimOn seeding: String) -> String? { locks[seeding]?.token }

    /// How many slices wait for an organization's (its id in lower case) new state.
    package func waitingSlices(of organization: String) -> Int { backlogs["{\(organization)}"]?.count ?? 0 }

    package mutating func call(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument], at now: Int64
    ) -> Answer {
        let arguments = arguments.map(\.text)
        let tag = keys.first.map { String($0.prefix { $0 != "}" }) + "}" } ?? ""
        switch function {
        case .admit: return admit(tag, arguments, now)
        case .lower: return .success(.text(lower(tag, arguments)))
        case .release: return .success(.text(release(tag, arguments)))
        case .apply: return .success(.text(apply(tag, arguments, now)))
        case .claim: return .success(claim(tag, arguments, now))
        case .unclaim:
            guard lock(tag + ":seeding", now) == arguments[0] else { return .success(.text("lost")) }
            locks[tag + ":seeding"] = nil
            backlogs[tag] = nil
            return .success(.text("given up"))
        case .seed: return .success(.text(seed(tag, arguments, now)))
        case .available: return .success(available(tag, arguments, now))
        case .overdue: return .success(overdue(tag, arguments, now))
        case .mark:
            guard lock(keys[1], now) == arguments[0] else { return .success(.text("lost")) }
            locks[keys[1]] = nil
            hashes[keys[0]] = ["run_id": arguments[1], "epoch": arguments[2], "complete": "0"]
            return .success(.text("marked"))
        case .complete:
            let hash = hashes[keys[0]]
            guard hash?["run_id"] == arguments[0], hash?["epoch"] == arguments[1] else { return .success(.integer(0)) }
            hashes[keys[0]]?["complete"] = "1"
            return .success(.integer(1))
        }
    }

    /// The plain commands that admission sends.
    package mutating func command(_ arguments: [RedisArgument], at now: Int64) -> Answer {
        let words = arguments.map(\.text)
        switch words[0] {
        case "INFO":
            return .success(
                .text(
                    words[1] == "server"
                        ? "redis_version:7.0.15\r\nrun_id:\(runID)\r\n" : "maxmemory_policy:noeviction\r\n"))
        case "HMGET":
            return .success(.array(words.dropFirst(2).map { hashes[words[1]]?[$0].map(RedisValue.text) ?? .null }))
        case "HSET":
            hashes[words[1], default: [:]][words[2]] = words[3]
            return .success(.integer(1))
        case "SET":
            guard lock(words[1], now) == nil else { return .success(.null) }
            locks[words[1]] = Lock(token: words[2], until: now + (Int64(words[5]) ?? 0) * 1000)
            return .success(.simple("OK"))
        case "GET": return .success(lock(words[1], now).map(RedisValue.text) ?? .null)
        case "PEXPIRE":
            guard lock(words[1], now) != nil else { return .success(.integer(0)) }
            locks[words[1]]?.until = now + (Int64(words[2]) ?? 0) * 1000
            return .success(.integer(1))
        case "DEL", "UNLINK":
            for name in words.dropFirst() {
                locks[name] = nil
                hashes[name] = nil
                let tag = String(name.prefix { $0 != "}" }) + "}"
                if name.hasSuffix(":state") {
                    let holds = states[tag]?.holds ?? [:]
                    states[tag] = AdmissionState()
                    states[tag]?.holds = holds
                } else if name.hasSuffix(":holds") {
                    states[tag]?.holds = [:]
                } else if name.hasSuffix(":backlog") {
                    backlogs[tag] = nil
                }
            }
            return .success(.integer(Int64(words.count - 1)))
        case "SCAN":
            let found = states.filter { !$0.value.holds.isEmpty }.keys.sorted()
            return .success(.array([.text("0"), .array(found.map { .text($0 + ":holds") })]))
        default: return .failure(AdmissionError(.protocolViolation, "ERR unknown command \(words[0])"))
        }
    }

    func lock(_ name: String, _ now: Int64) -> String? {
        locks[name].flatMap { $0.until > now ? $0.token : nil }
    }
}

extension RedisArgument {
    var text: String {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }
}

extension RedisValue {
    static func text(_ text: String) -> RedisValue { .bulk(Array(text.utf8)) }
}
