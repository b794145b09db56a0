internal import Ledger
internal import Logging
internal import Money
internal import Postgres
internal import Web

extension Billing {
    /// Appends what the ledger lacks of payments.
    ///
    /// - Returns: How many payments something was appended for.
    @discardableResult
    func settlePayments() async throws(WebError) -> Int {
        var settled = 0
        while true {
            let due = try await duePayments(limit: 500)
            var last: Int64 = 0
            var done = 0
            // Side by side, because the ledger commits together what comes together.
            await withTaskGroup(of: Int64?.self) { group in
                for state in due {
                    group.addTask {
                        do throws(WebError) {
                            guard case .appended(let position) = try await settle(state) else { return nil }
                            return position
                        } catch {
                            // What is away comes back; amounts that can't be are for somebody to look at.
                            logger.log(
                                level: error.status == 500 ? .error : .warning, "a payment could not be booked",
                                metadata: ["payment": "\(state.payment)", "error": "\(error.message)"])
                            return nil
                        }
                    }
                }
                for await position in group {
                    guard let position else { continue }
                    done += 1
                    last = max(last, position)
                }
            }
            settled += done
            // What could not be booked now is due again the next time.
            guard done > 0, await wait(for: last) else { return settled }
        }
    }

    /// Books one payment until nothing is lacking, for an answer that must show it.
    func settle(payment: PaymentID) async throws(WebError) -> PaymentState? {
        var state = try await self.payment(payment)
        for _ in 0..<10 {
            guard let current = state else { return state }
            switch try await settle(current) {
            case .nothing: return state
            case .appended(let position): await wait(for: position, in: Self.shown)
            // The worker or another gateway was first: what it booked is at or before the ledger's end.
            case .overtaken: await wait(for: try await end(), in: Self.shown)
            }
            state = try await self.payment(payment)
        }
        return state
    }

    /// The read models that an answer about a payment goes by.
    static let shown = ["payments", "admission", "balances", "transactions"]

    /// The position of the newest event.
    func end() async throws(WebError) -> Int64 {
        try await rows("SELECT coalesce(max(position), 0) FROM ledger.events") { try $0.decode(0, as: Int64.self) }.first ?? 0
    }

    private enum Settled {
        case nothing
        /// The position of what was appended.
        case appended(Int64)
        /// Somebody else has appended to one of the streams.
        case overtaken
    }

    private func settle(_ state: PaymentState) async throws(WebError) -> Settled {
        let due: [PaymentPosting.Event]
        do {
            due = try PaymentPosting.due(state)
        } catch {
            throw WebError(500, "The amounts of \(state.payment) can't be: \(error)")
        }
        guard !due.isEmpty else { return .nothing }
        var events: [NewEvent] = []
        var version = state.version
        for item in due {
            switch item {
            case .payment(let data):
                events.append(
                    try event(data, .payment(state.payment), version: version, organization: state.organization))
                version += 1
            case .credit(let data):
                events.append(
                    try event(data, .credit(state.organization), version: nil, organization: state.organization))
            case .customer(let data):
                events.append(
                    try event(
                        data, .customer(state.organization), version: state.customerVersion, organization: state.organization))
            case .invoice(let data):
                events.append(try await invoice(data, for: state.organization))
            }
        }
        return try await append(events).map(Settled.appended) ?? .overtaken
    }
}
