internal import Ledger
internal import Money

import struct FoundationEssentials.UUID

/// What is to be appended so that the ledger has what Stripe said of a payment.
///
/// Everything is made from cumulative figures: what has been paid back in all, what is disputed in all. So the sum of what is
/// appended depends on the last state alone, not on the states in between that happened to be seen.
struct PaymentPosting: Sendable {
    /// An event with its stream; those of the payment's own stream come in order.
    enum Event: Sendable {
        case payment(any EventData)
        case credit(any EventData)
        case customer(any EventData)
        case invoice(InvoiceIssued)
    }

    private(set) var events: [Event] = []
    private var state: PaymentState

    /// - Throws: `MoneyError` for amounts that are beyond all measure.
    static func due(_ state: PaymentState) throws(MoneyError) -> [Event] {
        var posting = PaymentPosting(state: state)
        switch state.seen {
        case .nothing: return []
        case .failed:
            guard state.posted == .nothing else { return [] }
            let amount = state.terms?.amount ?? state.baseAmount ?? .zero
            posting.events.append(
                .payment(
                    PaymentFailed(
                        intent: state.intent, code: state.failure ?? "failed", total: state.terms?.total ?? amount, amount: amount
                    )))
        case .succeeded:
            if state.posted != .succeeded, try !posting.succeed() { return [] }
            try posting.refund()
            try posting.settleDisputes()
        }
        return posting.events
    }

    private init(state: PaymentState) { self.state = state }

    /// - Returns: false when nobody says what it is for.
    private mutating func succeed() throws(MoneyError) -> Bool {
        guard let intent = state.intent, let total = NanoDollars(cents: state.seenAmount), total > .zero else { return false }
        var amount: NanoDollars
        var bonus = NanoDollars.zero
        if let terms = state.terms {
            // Paid in part is credited in part.
            amount = Self.share(terms.amount, of: min(total, terms.total), in: terms.total)
            // Promised to each payment that was begun before one had succeeded, and given once.
            if !state.isBonusTaken { bonus = Self.share(terms.bonus, of: min(total, terms.total), in: terms.total) }
        } else if let base = state.baseAmount {
            amount = min(base, total)
        } else {
            return false
        }
        amount = min(amount, total)
        // Stripe takes no charge above 999,999.99 USD (its reference of PaymentIntent.amount), so it is not what it says it is.
        guard max(total, bonus) <= CreditBounds.single else {
            throw MoneyError(.overflow, "it is more than \(CreditBounds.single) USD")
        }
        let fee = try total.subtracting(amount)
        // Made of the payment, so that whoever appends it appends the same.
        let grant = bonus > .zero ? GrantID(foreign: "bonus", state.payment.description) : nil
        state.paid = PaymentState.Booked(total: total, amount: amount, fee: fee, bonus: bonus, grant: grant)
        events.append(
            .payment(
                PaymentSucceeded(intent: intent, total: total, amount: amount, fee: fee, bonus: bonus, grant: grant)))
        events.append(.credit(CreditToppedUp(amount: amount, fee: fee, payment: state.payment)))
        var lines = [InvoiceIssued.Line(item: "credits", amount: amount)]
        if fee > .zero { lines.append(.init(item: "fees", amount: fee)) }
        if let grant {
            events.append(.credit(CreditGranted(grant: grant, kind: .promotional, amount: bonus)))
            // Behind the payment's own event: a read model that ends between the two shows the bonus with the version before it.
            events.append(.customer(BonusGiven(payment: state.payment)))
        }
        events.append(.invoice(InvoiceIssued(payment: state.payment, lines: lines, total: total)))
        return true
    }

    /// What has been paid back by now takes back its share of everything.
    private mutating func refund() throws(MoneyError) {
        let paid = state.paid
        guard let seen = NanoDollars(cents: state.seenRefunded) else { throw MoneyError(.overflow, "the refund does not fit") }
        let total = min(seen, paid.total)
        guard total > state.refunded.total else { return }
        let amount = Self.share(paid.amount, of: total, in: paid.total)
        let bonus = Self.share(paid.bonus, of: total, in: paid.total)
        let before = state.refunded
        state.refunded = PaymentState.Booked(
            total: total, amount: amount, fee: try total.subtracting(amount), bonus: bonus, grant: paid.grant)
        let credit = try amount.subtracting(before.amount)
        let back = try bonus.subtracting(before.bonus)
        let frozen = try freeze()
        let lost = try lose()
        events.append(
            .payment(
                PaymentRefunded(
                    total: try total.subtracting(before.total), amount: credit,
                    fee: try state.refunded.fee.subtracting(before.fee),
                    bonus: back, frozen: frozen, lost: lost)))
        // Given back before it is taken: the balance is not below what it will be for a moment.
        thaw(frozen)
        if credit > .zero { events.append(.credit(CreditRefunded(amount: credit, payment: state.payment))) }
        if back > .zero, let grant = paid.grant {
            events.append(.credit(CreditVoided(grant: grant, amount: back, payment: state.payment)))
        }
    }

    private mutating func settleDisputes() throws(MoneyError) {
        for index in state.disputes.indices.sorted(by: { state.disputes[$0].id < state.disputes[$1].id }) {
            let dispute = state.disputes[index]
            guard dispute.seen.rawValue > dispute.posted.rawValue else { continue }
            guard let amount = NanoDollars(cents: dispute.amount) else {
                throw MoneyError(.overflow, "the disputed amount does not fit")
            }
            if dispute.posted == .nothing {
                state.disputes[index].posted = .opened
                try post(frozen: freeze()) { DisputeOpened(dispute: dispute.id, amount: amount, frozen: $0) }
            }
            switch dispute.seen {
            case .won:
                state.disputes[index].posted = .won
                try post(frozen: freeze()) { DisputeWon(dispute: dispute.id, amount: amount, frozen: $0) }
            case .lost:
                if dispute.posted == .won {
                    // Decided anew: opened again, to be lost.
                    state.disputes[index].posted = .opened
                    try post(frozen: freeze()) { DisputeOpened(dispute: dispute.id, amount: amount, frozen: $0) }
                }
                state.disputes[index].posted = .lost
                events.append(.payment(DisputeLost(dispute: dispute.id, amount: amount, frozen: try lose())))
            case .nothing, .opened: break
            }
        }
    }

    private mutating func post(frozen: NanoDollars, _ event: (NanoDollars) -> any EventData) {
        events.append(.payment(event(frozen)))
        thaw(frozen)
    }

    private mutating func thaw(_ frozen: NanoDollars) {
        if frozen > .zero {
            events.append(.credit(CreditFrozen(amount: frozen, payment: state.payment)))
        } else if frozen < .zero {
            events.append(.credit(CreditUnfrozen(amount: NanoDollars(-frozen.rawValue), payment: state.payment)))
        }
    }

    /// Brings what is frozen to what the disputes that are posted demand, at most what is left of the payment's credits.
    ///
    /// - Returns: by how much it changed.
    private mutating func freeze() throws(MoneyError) -> NanoDollars {
        let credited = try state.paid.amount.adding(state.paid.bonus)
        let left = try credited.subtracting(state.refunded.amount).subtracting(state.refunded.bonus)
        let target = min(try disputed { $0 == .opened || $0 == .lost }, left)
        let change = try target.subtracting(state.frozen)
        state.frozen = target
        return change
    }

    /// Brings what lost disputes took of what is frozen to what they demand.
    ///
    /// - Returns: by how much it changed.
    private mutating func lose() throws(MoneyError) -> NanoDollars {
        let target = min(try disputed { $0 == .lost }, state.frozen)
        let change = try target.subtracting(state.lost)
        state.lost = target
        return change
    }

    /// The credits that stand for the disputes at such a stage.
    private func disputed(_ isCounted: (PaymentState.Dispute.Stage) -> Bool) throws(MoneyError) -> NanoDollars {
        var sum = NanoDollars.zero
        for dispute in state.disputes where isCounted(dispute.posted) {
            sum = try sum.adding(NanoDollars(cents: dispute.amount) ?? .zero)
        }
        return Self.share(
            try state.paid.amount.adding(state.paid.bonus), of: min(sum, state.paid.total), in: state.paid.total)
    }

    /// `whole` times `part` by `total`, half a nano-dollar up.
    private static func share(_ whole: NanoDollars, of part: NanoDollars, in total: NanoDollars) -> NanoDollars {
        guard total > .zero else { return .zero }
        let product = Int128(whole.rawValue) * Int128(part.rawValue)
        // Not more than `whole`, which fits: a part is not more than its total.
        return NanoDollars(Int64(clamping: (product * 2 + Int128(total.rawValue)) / (Int128(total.rawValue) * 2)))
    }
}
