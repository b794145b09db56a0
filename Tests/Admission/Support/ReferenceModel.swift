import Ledger

@testable import Admission

/// What admission should do, in plain integers and one thread: one organization with a few projects and keys.
struct ReferenceModel {
    enum Event {
        case credit(Int64)
        case projectLimit(Int, Int64?)
        case keyLimit(Int, Int64?)
        case keyStatus(Int, Bool)
        case authorize(RequestID, key: Int, held: Int64)
        case settle(RequestID, key: Int, charged: Int64)
        case void(RequestID)
    }

    struct Hold: Equatable {
        var key: Int
        var amount: Int64
        var isConfirmed: Bool
    }

    /// The copy in Redis.
    struct Copy {
        var isKnown = true
        var applied: Int64 = 0
        var organization: Int64 = 0
        var projects: [Int64]
        var keys: [Int64]
        var projectLimits: [Int64?]
        var keyLimits: [Int64?]
        var active: [Bool]
        var holds: [RequestID: Hold] = [:]
    }

    /// The project of each key.
    let projectOfKey: [Int]
    private(set) var ledger: [(position: Int64, event: Event)] = []
    var copy: Copy

    init(projectOfKey: [Int]) {
        self.projectOfKey = projectOfKey
        let projects = (projectOfKey.max() ?? 0) + 1
        copy = Copy(
            projects: Array(repeating: 0, count: projects), keys: Array(repeating: 0, count: projectOfKey.count),
            projectLimits: Array(repeating: nil, count: projects), keyLimits: Array(repeating: nil, count: projectOfKey.count),
            active: Array(repeating: true, count: projectOfKey.count))
    }

    mutating func append(_ event: Event, at position: Int64) { ledger.append((position, event)) }

    /// The projector's batch reached Redis.
    mutating func mirror(after: Int64, upto: Int64) {
        let slice = ledger.filter { $0.position > after && $0.position <= upto }
        guard copy.isKnown, let last = slice.last?.position, copy.applied < last else { return }
        let previous = ledger.last { $0.position <= after }?.position ?? 0
        guard copy.applied == previous || slice.contains(where: { $0.position == copy.applied }) else {
            copy.isKnown = false
            return
        }
        for (position, event) in slice where position > copy.applied { apply(event) }
        copy.applied = last
    }

    /// The copy as the ledger gives it: what was held without an event is gone.
    mutating func seed() {
        copy = ReferenceModel(projectOfKey: projectOfKey).copy
        for (_, event) in ledger { apply(event) }
        copy.applied = ledger.last?.position ?? 0
    }

    mutating func admit(_ request: RequestID, key: Int, hold: Int64) -> Denial.Reason? {
        guard copy.active[key] else { return .keyInactive }
        guard hold > 0 else { return nil }
        let project = projectOfKey[key]
        if copy.organization < hold { return .balance }
        if copy.projectLimits[project] != nil && copy.projects[project] < hold { return .projectLimit }
        if copy.keyLimits[key] != nil && copy.keys[key] < hold { return .keyLimit }
        move(key, -hold)
        copy.holds[request] = Hold(key: key, amount: hold, isConfirmed: false)
        return nil
    }

    mutating func lower(_ request: RequestID, to amount: Int64) {
        guard let hold = copy.holds[request], amount < hold.amount else { return }
        move(hold.key, hold.amount - amount)
        copy.holds[request]?.amount = amount
    }

    mutating func release(_ request: RequestID) {
        guard let hold = copy.holds[request], !hold.isConfirmed else { return }
        move(hold.key, hold.amount)
        copy.holds[request] = nil
    }

    private mutating func move(_ key: Int, _ amount: Int64) {
        copy.organization += amount
        copy.projects[projectOfKey[key]] += amount
        copy.keys[key] += amount
    }

    private mutating func apply(_ event: Event) {
        switch event {
        case .credit(let amount): copy.organization += amount
        case .projectLimit(let project, let limit):
            copy.projects[project] += (limit ?? 0) - (copy.projectLimits[project] ?? 0)
            copy.projectLimits[project] = limit
        case .keyLimit(let key, let limit):
            copy.keys[key] += (limit ?? 0) - (copy.keyLimits[key] ?? 0)
            copy.keyLimits[key] = limit
        case .keyStatus(let key, let active): copy.active[key] = active
        case .authorize(let request, let key, let held):
            if copy.holds[request] != nil {
                copy.holds[request]?.isConfirmed = true
            } else if held > 0 {
                copy.holds[request] = Hold(key: key, amount: held, isConfirmed: true)
                move(key, -held)
            }
        case .settle(let request, let key, let charged):
            if let hold = copy.holds.removeValue(forKey: request) { move(hold.key, hold.amount) }
            move(key, -charged)
        case .void(let request):
            if let hold = copy.holds.removeValue(forKey: request) { move(hold.key, hold.amount) }
        }
    }
}
