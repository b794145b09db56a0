public import ArgumentParser
public import Finance
public import Ledger
public import Money

/// Lets ids, amounts and times stand as typed arguments; what is malformed is refused with the argument's name.
extension Identifier: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }
}

extension NanoDollars: ExpressibleByArgument {
    public init?(argument: String) {
        try? self.init(decimal: argument)
    }
}

extension Timestamp: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(iso8601: argument)
    }
}

extension StreamName: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }
}

extension GrantKind: ExpressibleByArgument {}

extension Account: ExpressibleByArgument {}

extension PeriodLimit.Unit: ExpressibleByArgument {}

/// A limit that can be lifted: an amount in USD, or `none`.
struct LimitArgument: ExpressibleByArgument {
    let amount: NanoDollars?

    init?(argument: String) {
        if argument == "none" {
            amount = nil
        } else if let amount = NanoDollars(argument: argument) {
            self.amount = amount
        } else {
            return nil
        }
    }
}
