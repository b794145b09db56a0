/// One organization in the model of Redis, in typed rows; `rendered` gives what the hash in Redis would hold.
struct AdmissionState: Sendable {
    struct Organization: Sendable {
        var status: Character = "i"
        var strict = true
        var policy: Int64 = 0
        var retained = false
    }

    struct Project: Sendable {
        var status: Character = "a"
        var limit: Int64?
    }

    struct Key: Sendable {
        var status: Character = "a"
        var digest = ""
        var limit: Int64?
        var expires: Int64?
        var requests: Int64?
        var tokens: Int64?
        var period: Period?
        var isRated: Bool { requests != nil || tokens != nil }
    }

    /// What a key may spend in each window of the calendar.
    struct Period: Sendable, Equatable {
        var name: String
        var amount: Int64
    }

    /// Requests and tokens of a minute and of the one before.
    struct Rate: Sendable {
        var minute: Int64
        var requests: Int64
        var requestsBefore: Int64
        var tokens: Int64
        var tokensBefore: Int64
    }

    struct Hold: Sendable {
        var isConfirmed: Bool
        var seconds: Int64
        /// Project, key and instance.
        var owner: String
        var amount: Int64

        var project: String { String(owner.prefix(36)) }
        var key: String { String(owner.dropFirst(36).prefix(36)) }
        var rendered: String { "\(isConfirmed ? "c" : "p")\(Self.tenDigits(seconds))\(owner)\(amount)" }

        init(isConfirmed: Bool, seconds: Int64, owner: String, amount: Int64) {
            self.isConfirmed = isConfirmed
            self.seconds = seconds
            self.owner = owner
            self.amount = amount
        }

        init?(_ text: String) {
            guard text.utf8.count > 119, let seconds = Int64(text.dropFirst().prefix(10)),
                let amount = Int64(text.dropFirst(119))
            else { return nil }
            self.init(
                isConfirmed: text.hasPrefix("c"), seconds: seconds, owner: String(text.dropFirst(11).prefix(108)), amount: amount)
        }

        private static func tenDigits(_ number: Int64) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 10 - digits.utf8.count)) + digits
        }
    }

    var epoch: Int64?
    var position: Int64?
    /// The epoch that was taken from it, and why.
    var unknown: String?
    var organization: Organization?
    var projects: [String: Project] = [:]
    var keys: [String: Key] = [:]
    /// What is available on each scope: `o:a`, `p:ID:a`, `k:ID:a`, `k:ID:qa`.
    var available: [String: Int64] = [:]
    /// When the newest period of a key begins.
    var begins: [String: Int64] = [:]
    var rates: [String: Rate] = [:]
    var holds: [String: Hold] = [:]

    var isEmpty: Bool {
        epoch == nil && position == nil && unknown == nil && organization == nil && available.isEmpty && projects.isEmpty
            && keys.isEmpty
    }

    /// The fields of `{ORG}:state`.
    var rendered: [String: String] {
        var fields = available.mapValues { String($0) }
        fields["epoch"] = epoch.map { String($0) }
        fields["position"] = position.map { String($0) }
        fields["unknown"] = unknown
        if let organization {
            fields["o"] =
                "\(organization.status)\(organization.strict ? "1" : "0")\(organization.policy)\(organization.retained ? "r" : "")"
        }
        for (id, project) in projects {
            fields["p:\(id)"] = "\(project.status)\(Self.flag(project.limit))|\(Self.limit(project.limit))"
        }
        for (id, key) in keys {
            fields["k:\(id)"] =
                "\(key.status)\(Self.flag(key.limit))\(Self.flag(key.expires))\(key.isRated ? 1 : 0)\(key.period == nil ? 0 : 1)"
                + "\(key.digest)|\(Self.limit(key.limit))\(Self.text(key.expires))|\(Self.text(key.requests))|"
                + "\(Self.text(key.tokens))|\(key.period?.name ?? "")|\(Self.limit(key.period?.amount))"
        }
        for (id, begins) in begins { fields["k:\(id):q"] = String(begins) }
        for (id, rate) in rates {
            fields["k:\(id):r"] =
                "\(rate.minute) \(rate.requests) \(rate.requestsBefore) \(rate.tokens) \(rate.tokensBefore)"
        }
        return fields
    }

    private static func text(_ number: Int64?) -> String { number.map { String($0) } ?? "" }
    private static func flag(_ number: Int64?) -> Int { number == nil ? 0 : 1 }
    private static func limit(_ number: Int64?) -> String { number.map { "\($0)|\(0 - $0)|" } ?? "||" }
}

extension AdmissionState {
    /// Sets a field as `seed` gives it.
    mutating func set(_ name: String, _ value: String) {
        let parts = name.split(separator: ":").map { String($0) }
        switch (parts.count, parts.first) {
        case (1, "o"):
            organization = Organization(
                status: value.first ?? "i", strict: value.dropFirst().hasPrefix("1"),
                policy: Int64(value.dropFirst(2).filter { $0 != "r" }) ?? 0, retained: value.hasSuffix("r"))
        case (2, "p"):
            projects[parts[1]] = Project(
                status: value.first ?? "a", limit: Self.columns(value.dropFirst(3)).first.flatMap { Int64($0) })
        case (2, "k"):
            let columns = Self.columns(value.dropFirst(70))
            guard columns.count >= 8 else { return }
            keys[parts[1]] = Key(
                status: value.first ?? "a", digest: String(value.dropFirst(5).prefix(64)), limit: Int64(columns[0]),
                expires: Int64(columns[2]), requests: Int64(columns[3]), tokens: Int64(columns[4]),
                period: Int64(columns[6]).map { Period(name: String(columns[5]), amount: $0) })
        case (3, "k") where parts[2] == "q": begins[parts[1]] = Int64(value)
        default: available[name] = Int64(value)
        }
    }

    private static func columns(_ text: Substring) -> [Substring] { text.split(separator: "|", omittingEmptySubsequences: false) }
}
