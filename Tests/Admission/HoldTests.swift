import Ledger
import Money
import Redis
import Testing

@testable import Admission

/// A hold's owner may lower it; its release needs proof that its event never comes.
@Suite struct HoldTests {
    @Test func aHoldIsLoweredAndTheOutcomeFindsTheDebitDone() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100", keyLimit: "100")
            let request = RequestID.mint()
            _ = try await organization.admit("100", request: request)
            #expect(try await organization.lower(request, to: "12") == "lowered")
            #expect(try await organization.available() == ["88", "-12", "88"])
            #expect(try await organization.admit("88").admission != nil)
            // The projector comes later, with the hold as it was authorized.
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "100"), request.uuid)
                $0.event("request.completed", organization.outcome(charged: "12"), request.uuid)
            }
            #expect(try await organization.available() == ["0", "-100", "0"])
        }
    }

    @Test func aHoldIsNeverRaised() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            let request = RequestID.mint()
            _ = try await organization.admit("20", request: request)
            for amount in ["20", "21", "100", "9223372036854775807"] {
                #expect(try await organization.lower(request, to: amount) == "kept")
            }
            #expect(try await organization.lower(request, to: "9") == "lowered")
            #expect(try await organization.lower(request, to: "10") == "kept")
            #expect(try await organization.lower(request, to: "0") == "lowered")
            #expect(try await organization.available().first == "100")
            #expect(try await organization.lower(.mint(), to: "0") == "kept")
        }
    }

    @Test func onlyAHoldWithoutAnEventIsReleased() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            let (pending, confirmed) = (RequestID.mint(), RequestID.mint())
            _ = try await organization.admit("20", request: pending)
            _ = try await organization.admit("30", request: confirmed)
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "30"), confirmed.uuid)
            }
            #expect(try await organization.release(confirmed) == "confirmed")
            #expect(try await organization.release(pending) == "released")
            #expect(try await organization.release(pending) == "missing")
            #expect(try await organization.available().first == "70")
        }
    }

    @Test func aVoidedRequestFreesItsHoldOnce() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            let request = RequestID.mint()
            _ = try await organization.admit("20", request: request)
            #expect(try await organization.release(request) == "released")
            _ = try await organization.apply { $0.event("request.voided", [], request.uuid) }
            #expect(try await organization.available().first == "100")
        }
    }

    @Test func overdueHoldsAreThoseWithoutAnEventForSoLong() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            let (pending, confirmed) = (RequestID.mint(), RequestID.mint())
            _ = try await organization.admit("20", request: pending)
            _ = try await organization.admit("30", request: confirmed)
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "30"), confirmed.uuid)
            }
            func overdue(_ seconds: RedisArgument) async throws -> [String] {
                try await functions.call(.overdue, [organization.keys.holds], [seconds, "10"]).array?
                    .compactMap(\.string) ?? []
            }
            #expect(try await overdue("3600").isEmpty)
            // A negative age takes in what is younger than Redis's clock shows to the second.
            let found = try await overdue("-1")
            #expect(found.first == pending.uuid.lowercase)
            #expect(found.count == 2)
            let hold = PendingHold(found[1])
            #expect(hold?.project == organization.project)
            #expect(hold?.key == organization.key)
            #expect(hold?.amount == NanoDollars(20))
        }
    }
}
