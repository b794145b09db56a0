import Ledger
import Money
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite struct SettlingTests {
    /// Whoever asks for a payment to be booked is told that it is, though the worker or another gateway booked it first.
    @Test(.timeLimit(.minutes(2))) func whoIsOvertakenSaysWhatTheOtherBooked() async throws {
        try await World.run { world in
            let organizations = try await world.organizations(40)
            for organization in organizations {
                let paid = try #require(
                    StripeSamples(organization).payment.first { $0.contains("payment_intent.succeeded") })
                try await world.deliver(paid)
            }
            try await world.caughtUp()
            let payments = try await world.client.query("SELECT payment FROM payments.payments").map {
                PaymentID(uuid: try $0.decode(0))
            }
            #expect(payments.count == organizations.count)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for payment in payments {
                    for _ in 0..<4 {
                        group.addTask {
                            let state = try await world.billing.settle(payment: payment)
                            #expect(state?.posted == .succeeded, "\(payment)")
                        }
                    }
                }
                for _ in 0..<4 { group.addTask { try await world.billing.settlePayments() } }
                try await group.waitForAll()
            }
            try await world.settle()
            #expect(try await world.digests().count == 1)
        }
    }
}
