/// What may happen to an organization's credit, in the plainest form.
enum CreditStep: Sendable {
    /// A grant is given or bought; `source` is the account that it comes from.
    case give(grant: Int, amount: Int64, priority: Int64, expiry: Int64?, source: String, fee: Int64)
    /// A taking that names a grant.
    case take(grant: Int, amount: Int64, how: Taking)
    /// What a dispute froze comes back.
    case giveBack(grant: Int, amount: Int64)
    /// A taking that names none: an adjustment downwards, or money that was paid back by hand.
    case draw(amount: Int64, target: String)
    /// A request places a hold, which changes no balance, and is charged later.
    case hold
    case charge(amount: Int64)

    enum Taking: String, CaseIterable, Sendable { case expired, voided, frozen, refunded }
}

/// One organization's credit and books, folded step by step: the reference that the projections are held to.
struct ReferenceCredit {
    struct Grant: Hashable {
        var amount: Int64
        var priority: Int64
        var expiry: Int64?
        var returned: Int64 = 0
        var used: Int64 = 0
        var taken: [CreditStep.Taking: Int64] = [:]

        init(amount: Int64, priority: Int64, expiry: Int64?) {
            self.amount = amount
            self.priority = priority
            self.expiry = expiry
        }

        var remaining: Int64 { amount + returned - used - taken.values.reduce(0, +) }
    }

    /// By age.
    private(set) var grants: [Grant] = []
    private(set) var overdrawn: Int64 = 0
    /// Debits less credits of each account.
    private(set) var accounts: [String: Int64] = [:]
    /// The balance after each step.
    private(set) var balances: [Int64] = []

    var balance: Int64 { grants.map(\.remaining).reduce(0, +) - overdrawn }

    mutating func apply(_ step: CreditStep) {
        switch step {
        case .give(let grant, let amount, let priority, let expiry, let source, let fee):
            precondition(grant == grants.count)
            grants.append(Grant(amount: amount, priority: priority, expiry: expiry))
            payDebt(from: grant, upTo: amount)
            post(["customer_credits": -amount, "fees": -fee, source: amount + fee])
        case .take(let grant, let amount, let how):
            let direct = min(amount, grants[grant].remaining)
            grants[grant].taken[how, default: 0] += direct
            draw(amount - direct)
            let targets: [CreditStep.Taking: String] = [
                .expired: "breakage", .voided: "promotions", .frozen: "frozen_credits", .refunded: "stripe_clearing",
            ]
            post(["customer_credits": amount, targets[how] ?? "": -amount])
        case .giveBack(let grant, let amount):
            grants[grant].returned += amount
            payDebt(from: grant, upTo: amount)
            post(["customer_credits": -amount, "frozen_credits": amount])
        case .draw(let amount, let target):
            draw(amount)
            post(["customer_credits": amount, target: -amount])
        case .hold: break
        case .charge(let amount):
            draw(amount)
            post(["customer_credits": amount, "usage_revenue": -amount])
        }
        balances.append(balance)
    }

    private mutating func payDebt(from grant: Int, upTo amount: Int64) {
        let paid = min(amount, overdrawn)
        grants[grant].used += paid
        overdrawn -= paid
    }

    /// Takes of the grants in order: lower priority first, then what expires sooner, then what is older.
    private mutating func draw(_ amount: Int64) {
        var left = amount
        while left > 0 {
            let open = grants.indices.filter { grants[$0].remaining > 0 }
            let next = open.min { one, other in
                if grants[one].priority != grants[other].priority { return grants[one].priority < grants[other].priority }
                let (first, second) = (grants[one].expiry ?? .max, grants[other].expiry ?? .max)
                return first == second ? one < other : first < second
            }
            guard let next else { break }
            let taken = min(left, grants[next].remaining)
            grants[next].used += taken
            left -= taken
        }
        overdrawn += left
    }

    private mutating func post(_ postings: [String: Int64]) {
        precondition(postings.values.reduce(0, +) == 0)
        for (account, amount) in postings where amount != 0 {
            accounts[account, default: 0] += amount
            if accounts[account] == 0 { accounts[account] = nil }
        }
    }
}
