import Ledger
import Money
import TestSupport
import Testing

@testable import Billing

/// What a ledger has of one payment after postings: the fold of their events.
struct PostedLedger {
    var credited = NanoDollars.zero
    var taken = NanoDollars.zero
    var frozen = NanoDollars.zero
    var clearing: Int64 = 0
    var successes = 0
    var bonuses = 0
    var invoiced = NanoDollars.zero
    var lowest: Int64 = 0

    private var balance: Int64 { credited.rawValue - taken.rawValue - frozen.rawValue }

    /// Applies what is due, to the ledger and to the state that the read model would have of it.
    mutating func apply(to state: inout PaymentState) throws {
        for event in try PaymentPosting.due(state) {
            switch event {
            case .payment(let data):
                state.version += 1
                switch data {
                case let data as PaymentSucceeded:
                    successes += 1
                    state.posted = .succeeded
                    state.paid = .init(
                        total: data.total, amount: data.amount, fee: data.fee, bonus: data.bonus, grant: data.grant)
                    clearing += data.total.rawValue
                    #expect(data.total.rawValue == data.amount.rawValue + data.fee.rawValue)
                case is PaymentFailed: state.posted = .failed
                case let data as PaymentRefunded:
                    state.refunded.total = try state.refunded.total.adding(data.total)
                    state.refunded.amount = try state.refunded.amount.adding(data.amount)
                    state.refunded.fee = try state.refunded.fee.adding(data.fee)
                    state.refunded.bonus = try state.refunded.bonus.adding(data.bonus)
                    state.frozen = try state.frozen.adding(data.frozen)
                    state.lost = try state.lost.adding(data.lost)
                    clearing -= data.total.rawValue
                    #expect(data.total.rawValue == data.amount.rawValue + data.fee.rawValue)
                    #expect(data.total > .zero && data.frozen <= .zero && data.lost <= .zero)
                case let data as DisputeOpened: try post(data.dispute, .opened, data.frozen, &state)
                case let data as DisputeWon: try post(data.dispute, .won, data.frozen, &state)
                case let data as DisputeLost:
                    try post(data.dispute, .lost, .zero, &state)
                    state.lost = try state.lost.adding(data.frozen)
                default: Issue.record("\(data)")
                }
            case .credit(let data):
                switch data {
                case let data as CreditToppedUp: credited = try credited.adding(data.amount)
                case let data as CreditGranted: credited = try credited.adding(data.amount)
                case let data as CreditRefunded: taken = try taken.adding(data.amount)
                case let data as CreditVoided: taken = try taken.adding(data.amount)
                case let data as CreditFrozen: frozen = try frozen.adding(data.amount)
                case let data as CreditUnfrozen: frozen = try frozen.subtracting(data.amount)
                default: Issue.record("\(data)")
                }
                lowest = min(lowest, balance)
            case .customer(let data):
                #expect(data is BonusGiven)
                bonuses += 1
            case .invoice(let data):
                invoiced = try invoiced.adding(data.total)
                #expect(data.lines.reduce(0) { $0 + $1.amount.rawValue } == data.total.rawValue)
            }
        }
    }

    private func post(
        _ id: String, _ stage: PaymentState.Dispute.Stage, _ frozen: NanoDollars, _ state: inout PaymentState
    ) throws {
        let index = try #require(state.disputes.firstIndex { $0.id == id })
        state.disputes[index].posted = stage
        state.frozen = try state.frozen.adding(frozen)
    }
}

@Suite struct PostingTests {
    private static func state(_ terms: PaymentState.Terms?) -> PaymentState {
        var state = PaymentState(payment: .mint(), organization: .mint())
        state.terms = terms
        state.intent = "pi_1"
        return state
    }

    private static func dollars(_ cents: Int64) -> NanoDollars { NanoDollars(cents * NanoDollars.perCent) }

    @Test func aPaymentIsCreditedOnceWithItsBonus() throws {
        var state = Self.state(.init(amount: Self.dollars(10_000), bonus: Self.dollars(5_000), total: Self.dollars(10_500)))
        state.seen = .succeeded
        state.seenAmount = 10_500
        var ledger = PostedLedger()
        for _ in 0..<5 { try ledger.apply(to: &state) }
        #expect(ledger.successes == 1 && ledger.credited == Self.dollars(15_000) && ledger.invoiced == Self.dollars(10_500))
        #expect(ledger.clearing == Self.dollars(10_500).rawValue && ledger.bonuses == 1)
    }

    @Test func aBonusThatAnotherPaymentHasHadIsNotGivenAgain() throws {
        var state = Self.state(.init(amount: Self.dollars(10_000), bonus: Self.dollars(5_000), total: Self.dollars(10_500)))
        (state.seen, state.seenAmount, state.isBonusTaken) = (.succeeded, 10_500, true)
        var ledger = PostedLedger()
        for _ in 0..<3 { try ledger.apply(to: &state) }
        #expect(ledger.successes == 1 && ledger.credited == Self.dollars(10_000) && ledger.bonuses == 0)
        #expect(state.paid.bonus == .zero && state.paid.grant == nil)
        state.seenRefunded = 10_500
        try ledger.apply(to: &state)
        #expect(ledger.taken == ledger.credited && ledger.clearing == 0)
    }

    /// It is not lost: the state stays as it was, and is looked at again.
    @Test(arguments: [(1_000_000_001, 0), (10_500, 1_000_000_001)] as [(Int64, Int64)])
    func aPaymentBeyondAllMeasureIsNotBooked(_ total: Int64, _ bonus: Int64) throws {
        var state = Self.state(
            .init(amount: Self.dollars(total), bonus: Self.dollars(bonus), total: Self.dollars(total)))
        (state.seen, state.seenAmount) = (.succeeded, total)
        let error = #expect(throws: MoneyError.self) { try PaymentPosting.due(state) }
        #expect(error?.code == .overflow && error?.message.contains("10000000 USD") == true)
        state.terms = .init(amount: CreditBounds.single, bonus: .zero, total: CreditBounds.single)
        state.seenAmount = 1_000_000_000
        var ledger = PostedLedger()
        try ledger.apply(to: &state)
        #expect(ledger.credited == CreditBounds.single)
    }

    @Test func aRefundTakesItsShareOfEverything() throws {
        var state = Self.state(.init(amount: Self.dollars(10_000), bonus: Self.dollars(5_000), total: Self.dollars(10_500)))
        (state.seen, state.seenAmount, state.seenRefunded) = (.succeeded, 10_500, 2_100)
        var ledger = PostedLedger()
        try ledger.apply(to: &state)
        #expect(state.refunded.amount == Self.dollars(2_000) && state.refunded.bonus == Self.dollars(1_000))
        #expect(state.refunded.fee == Self.dollars(100) && ledger.taken == Self.dollars(3_000))
        state.seenRefunded = 10_500
        try ledger.apply(to: &state)
        #expect(ledger.taken == ledger.credited && ledger.clearing == 0)
    }

    @Test func aDisputeFreezesAndItsEndDecides() throws {
        var state = Self.state(.init(amount: Self.dollars(10_000), bonus: .zero, total: Self.dollars(10_500)))
        (state.seen, state.seenAmount) = (.succeeded, 10_500)
        state.disputes = [.init(id: "dp_1", amount: 10_500, seen: .opened, posted: .nothing)]
        var ledger = PostedLedger()
        try ledger.apply(to: &state)
        #expect(ledger.frozen == Self.dollars(10_000))
        var lost = state
        var lostLedger = ledger
        state.disputes[0].seen = .won
        try ledger.apply(to: &state)
        #expect(ledger.frozen == .zero && state.frozen == .zero)
        lost.disputes[0].seen = .lost
        try lostLedger.apply(to: &lost)
        #expect(lostLedger.frozen == Self.dollars(10_000) && lost.lost == Self.dollars(10_000))
    }

    @Test func afterAFailureAPaymentCanStillSucceed() throws {
        var state = Self.state(.init(amount: Self.dollars(500), bonus: .zero, total: Self.dollars(525)))
        (state.seen, state.failure) = (.failed, "card_declined")
        var ledger = PostedLedger()
        for _ in 0..<3 { try ledger.apply(to: &state) }
        #expect(state.posted == .failed && ledger.credited == .zero && state.version == 1)
        (state.seen, state.seenAmount) = (.succeeded, 525)
        try ledger.apply(to: &state)
        #expect(ledger.successes == 1 && ledger.credited == Self.dollars(500))
    }

    /// Whatever states in between are seen, and in whatever steps, the sums are those of the last state.
    @Test func theLastStateAloneDecides() throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("postings"))
        for round in 0..<100_000 {
            let amount = Int64.random(in: 1...100_000, using: &random)
            let total = amount + Int64.random(in: 0...(amount / 10), using: &random)
            let bonus = Bool.random(using: &random) ? Int64.random(in: 0...amount, using: &random) : 0
            let terms = PaymentState.Terms(amount: Self.dollars(amount), bonus: Self.dollars(bonus), total: Self.dollars(total))
            let refunds = Int.random(in: 0...3, using: &random)
            let refunded = (0..<refunds).map { _ in Int64.random(in: 0...total, using: &random) }.sorted()
            let disputes = (0..<Int.random(in: 0...2, using: &random)).map { index in
                PaymentState.Dispute(
                    id: "dp_\(index)", amount: Int64.random(in: 1...total, using: &random),
                    seen: [.opened, .won, .lost].randomElement(using: &random) ?? .opened, posted: .nothing)
            }
            var direct = Self.state(terms)
            (direct.seen, direct.seenAmount, direct.seenRefunded) = (.succeeded, total, refunded.last ?? 0)
            direct.disputes = disputes
            var stepwise = direct
            (stepwise.seen, stepwise.seenRefunded) = (.nothing, 0)
            stepwise.disputes = []
            var directLedger = PostedLedger()
            try directLedger.apply(to: &direct)
            var ledger = PostedLedger()
            var steps: [(inout PaymentState) -> Void] = [{ $0.seen = .succeeded }]
            steps += refunded.map { refund in { $0.seenRefunded = max($0.seenRefunded, refund) } }
            for dispute in disputes {
                for stage in [PaymentState.Dispute.Stage.opened, dispute.seen] {
                    steps.append { state in
                        if let index = state.disputes.firstIndex(where: { $0.id == dispute.id }) {
                            let seen = state.disputes[index].seen
                            state.disputes[index].seen = stage.rawValue > seen.rawValue ? stage : seen
                        } else {
                            state.disputes.append(.init(id: dispute.id, amount: dispute.amount, seen: stage, posted: .nothing))
                        }
                    }
                }
            }
            for step in steps.shuffled(using: &random) {
                step(&stepwise)
                if Bool.random(using: &random) { try ledger.apply(to: &stepwise) }
            }
            try ledger.apply(to: &stepwise)
            #expect(
                ledger.credited == directLedger.credited && ledger.taken == directLedger.taken
                    && ledger.frozen == directLedger.frozen && ledger.clearing == directLedger.clearing
                    && stepwise.lost == direct.lost && stepwise.refunded == direct.refunded, "round \(round)")
            #expect(ledger.lowest >= 0 && directLedger.lowest >= 0, "round \(round): more was taken than was given")
            #expect(ledger.taken.rawValue + ledger.frozen.rawValue <= ledger.credited.rawValue && ledger.successes == 1)
            #expect(stepwise.lost <= stepwise.frozen && ledger.frozen == stepwise.frozen)
            var again = PostedLedger()
            try again.apply(to: &stepwise)
            #expect(again.credited == .zero && again.taken == .zero, "something was due twice")
        }
    }
}
