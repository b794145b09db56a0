import Ledger
import Money
import Redis
import Synchronization
import Testing

@testable import Admission

/// Concurrent spending against a limit that is tight on one scope.
@Suite struct SpendTests {
    /// Which scope has $5 while the others have more.
    enum Tight: CaseIterable { case organization, project, key }

    /// 1,000 reserves of $0.10 against $5: exactly 50, and every scope has paid the same.
    @Test(arguments: Tight.allCases) func exactlyFiftyReservesPass(tight: Tight) async throws {
        let five = "5000000000"
        let plenty = "1000000000000"
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(
                functions, balance: tight == .organization ? five : plenty, projectLimit: tight == .project ? five : plenty,
                keyLimit: tight == .key ? five : plenty)
            let decisions = try await withThrowingTaskGroup(of: AdmitDecision.self) { group in
                let reserve = Reserve(organization)
                for _ in 0..<1000 { group.addTask { try await reserve.admit("100000000") } }
                return try await group.reduce(into: [AdmitDecision]()) { $0.append($1) }
            }
            let admitted = decisions.compactMap(\.admission)
            let denied = decisions.compactMap(\.denial)
            #expect(admitted.count == 50)
            #expect(denied.count == 950)
            let reason: Denial.Reason =
                switch tight {
                case .organization: .balance
                case .project: .projectLimit
                case .key: .keyLimit
                }
            #expect(denied.allSatisfy { $0.reason == reason && $0.available == .zero })
            let left = try await organization.available()
            let expected = Tight.allCases.map { $0 == tight ? "0" : "995000000000" }
            #expect(left == expected)
            #expect(try await organization.holds().count == 50)
        }
    }

    /// What can be sent to other tasks of an organization.
    struct Reserve: Sendable {
        let functions: Functions
        let keys: OrganizationKeys
        let owner: String
        let digest: String

        init(_ organization: RedisOrganization) {
            functions = organization.functions
            keys = organization.keys
            owner =
                organization.project.uuid.lowercase + organization.key.uuid.lowercase + organization.instance.uuid.lowercase
            digest = organization.digest
        }

        func admit(_ hold: String) async throws -> AdmitDecision {
            try AdmitReply.decision(
                await functions.call(
                    .admit, [keys.state, keys.holds],
                    [
                        .string(RequestID.mint().uuid.lowercase), .string(owner), .string(digest), .string(hold),
                        .string("-" + hold), "0", "1000000",
                    ]))
        }
    }
}
