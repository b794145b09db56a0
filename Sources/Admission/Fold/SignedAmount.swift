/// An amount as functions.lua takes it: its text and the text of its negative, so that Lua builds neither.
struct SignedAmount: Sendable, Hashable {
    let text: String
    let negated: String

    /// nil for anything but an integer whose negative is one too; both are in their shortest form.
    init?(_ text: String, atLeastZero: Bool = false) {
        guard let value = Int64(text), value != .min, !atLeastZero || value >= 0 else { return nil }
        self.init(value)
    }

    /// - Parameter value: not `Int64.min`.
    init(_ value: Int64) {
        text = String(value)
        negated = String(0 - value)
    }
}

/// A limit that an event sets, clears (empty) or leaves as it is (`=`).
package struct LimitChange: Sendable, Hashable {
    let text: String
    let negated: String

    package init?(_ text: String) {
        if text.isEmpty || text == "=" {
            self.text = text
            negated = text
        } else {
            guard let amount = SignedAmount(text, atLeastZero: true) else { return nil }
            self.text = amount.text
            negated = amount.negated
        }
    }
}
