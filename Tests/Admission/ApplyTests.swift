import Ledger
import Money
import Redis
import Testing

@testable import Admission

/// Slices: each event once, in order, whatever is sent again or left out.
@Suite struct ApplyTests {
    @Test func anAuthorizationConfirmsItsHoldAndAnOutcomeDebitsIt() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100", projectLimit: "90", keyLimit: "80")
            let request = RequestID.mint()
            _ = try await organization.admit("30", request: request)
            #expect(try await organization.holds()[request.uuid.lowercase]?.first == "p")
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "30"), request.uuid)
            }
            #expect(try await organization.holds()[request.uuid.lowercase]?.first == "c")
            #expect(try await organization.available() == ["70", "60", "50"])
            _ = try await organization.apply {
                $0.event("request.completed", organization.outcome(charged: "12"), request.uuid)
            }
            #expect(try await organization.holds().isEmpty)
            #expect(try await organization.available() == ["88", "78", "68"])
        }
    }

    @Test func anAuthorizationWithoutAHoldCreatesItEvenBelowZero() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "10")
            let request = RequestID.mint()
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "30"), request.uuid)
            }
            #expect(try await organization.available().first == "-20")
            #expect(try await organization.holds()[request.uuid.lowercase]?.hasSuffix("30") == true)
            #expect(try await organization.admit("1").denial?.available == NanoDollars(-20))
            _ = try await organization.apply {
                $0.event("request.failed", organization.outcome(charged: "0"), request.uuid)
            }
            #expect(try await organization.available().first == "10")
        }
    }

    @Test func anOutcomeAboveTheHoldIsChargedInFull() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100", strict: false)
            let request = RequestID.mint()
            _ = try await organization.admit("30", request: request)
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "30"), request.uuid)
                $0.event("request.completed", organization.outcome(charged: "120"), request.uuid)
            }
            #expect(try await organization.available().first == "-20")
            #expect(try await organization.admit("1").denial?.reason == .balance)
        }
    }

    @Test func aLateSettlementDebitsOnceAfterTheHoldWasReleased() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            let request = RequestID.mint()
            _ = try await organization.admit("30", request: request)
            _ = try await organization.apply {
                $0.event("request.authorized", organization.authorization(held: "30"), request.uuid)
                $0.event("request.abandoned", organization.outcome(charged: "0"), request.uuid)
            }
            #expect(try await organization.available().first == "100")
            let late = organization.slice {
                $0.event("request.settled_late", organization.outcome(charged: "25"), request.uuid)
            }
            #expect(try await organization.send(late) == "applied")
            #expect(try await organization.send(late) == "already")
            #expect(try await organization.available().first == "75")
        }
    }

    @Test func whatIsSentTwiceCountsOnce() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            let slice = organization.slice { $0.event("credit.granted", ["7"]) }
            #expect(try await organization.send(slice) == "applied")
            #expect(try await organization.send(slice) == "already")
            #expect(try await organization.available().first == "107")
        }
    }

    /// After a crash between Redis and the checkpoint the batch is cut elsewhere, because more events have come.
    @Test func aLongerSliceContinuesWhereAShorterOneEnded() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            let start = organization.position
            let short = organization.slice { $0.event("credit.granted", ["7"]) }
            #expect(try await organization.send(short) == "applied")
            organization.position = start
            let long = organization.slice {
                $0.event("credit.granted", ["7"])
                $0.event("credit.granted", ["20"])
            }
            #expect(try await organization.send(long) == "applied")
            #expect(try await organization.available().first == "127")
            #expect(try await organization.send(short) == "already")
        }
    }

    @Test func aGapMakesTheOrganizationUnknown() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            _ = organization.slice { $0.event("credit.granted", ["7"]) }
            let next = organization.slice { $0.event("credit.granted", ["9"]) }
            #expect(try await organization.send(next) == "unknown")
            #expect(try await organization.send(next) == "unknown")
            #expect(try await organization.available().first == "100")
            #expect(try await organization.admit("1") == .unknown)
        }
    }

    /// Redis is at a position of the slice's range that is none of the slice's own: its history is another one.
    @Test func aForeignPositionMakesTheOrganizationUnknown() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            organization.position += 5
            var events = RedisOrganization.Events(position: 0, organization: organization.id.uuid)
            events.event("credit.granted", ["1"])
            events.position = 9
            events.event("credit.granted", ["2"])
            var slice = Slice(organization: organization.id, previous: 0)
            for event in events.events { slice.add(event) }
            #expect(try await organization.send(slice) == "unknown")
            #expect(try await organization.available().first == "100")
        }
    }

    /// Neither a later slice nor the first, which may have been on its way since before a loss, begins a state.
    @Test func aMissingOrganizationIsLeftToTheSeed() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            _ = try await functions.connection.call(["DEL", .string(organization.keys.state), .string(organization.keys.holds)])
            #expect(try await organization.apply { $0.event("credit.granted", ["7"]) } == "missing")
            organization.position = 0
            #expect(try await organization.apply { $0.event("organization.created", ["active", "true"]) } == "missing")
            #expect(try await organization.state().isEmpty)
        }
    }

    @Test func limitsMoveWhatIsAvailableByTheirDifference() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "1000", keyLimit: "100")
            let request = RequestID.mint()
            _ = try await organization.admit("30", request: request)
            func limits(_ project: String, _ key: String) async throws -> [String?] {
                _ = try await organization.apply {
                    $0.event("project.updated", ["=", project], organization.project.uuid)
                    $0.event("api_key.limit_changed", [key, "=", "=", "=", ""], organization.key.uuid)
                }
                return Array(try await organization.available().dropFirst())
            }
            #expect(try await limits("500", "20") == ["470", "-10"])
            #expect(try await organization.admit("1").denial?.reason == .keyLimit)
            #expect(try await limits("", "=") == ["-30", "-10"])
            #expect(try await limits("=", "") == ["-30", "-30"])
            #expect(try await organization.admit("1").admission?.available == NanoDollars(969))
            #expect(try await limits("29", "9007199254740993") == ["-2", "9007199254740962"])
            #expect(try await organization.admit("1").denial?.reason == .projectLimit)
        }
    }

    /// What the requests of a deleted key hold and are charged still counts for the project and the organization.
    @Test func aDeletedKeyLeavesNothingBehind() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(
                functions, balance: "1000", projectLimit: "500", keyLimit: "400", requestsPerMinute: "100", period: "d1",
                periodLimit: "300")
            let (lowered, freed, charged, unseen) = (RequestID.mint(), RequestID.mint(), RequestID.mint(), RequestID.mint())
            for request in [lowered, freed, charged] {
                #expect(try await organization.admit("50", request: request).admission != nil)
            }
            _ = try await organization.apply {
                for request in [lowered, freed, charged] {
                    $0.event("request.authorized", organization.authorization(held: "50"), request.uuid)
                }
                $0.event("api_key.deleted", [], organization.key.uuid)
            }
            func ofKey() async throws -> [String] {
                try await organization.state().keys.filter { $0.hasPrefix("k:\(organization.key.uuid.lowercase)") }
            }
            #expect(try await ofKey() == [])
            #expect(try await organization.admit("1").denial?.reason == .unknownKey)
            #expect(try await organization.lower(lowered, to: "20") == "lowered")
            #expect(try await organization.available() == ["880", "380", nil])
            _ = try await organization.apply {
                $0.event("api_key.limit_changed", ["7", "=", "=", "w1", "9"], organization.key.uuid)
                $0.event("request.authorized", organization.authorization(held: "40"), unseen.uuid)
                $0.event("request.completed", organization.outcome(charged: "20"), lowered.uuid)
                $0.event("request.abandoned", organization.outcome(charged: "0"), freed.uuid)
                $0.event("request.completed", organization.outcome(charged: "30"), charged.uuid)
            }
            #expect(try await organization.available() == ["910", "410", nil])
            _ = try await organization.apply {
                $0.event("request.failed", organization.outcome(charged: "0"), unseen.uuid)
                $0.event("request.settled_late", organization.outcome(charged: "5"), freed.uuid)
            }
            #expect(try await organization.available() == ["945", "445", nil])
            #expect(try await organization.holds().isEmpty)
            #expect(try await ofKey() == [])
        }
    }

    @Test func ratesChangeAndGoAway() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "1000", requestsPerMinute: "0")
            #expect(try await organization.admit("1").denial?.reason == .requestsPerMinute)
            _ = try await organization.apply {
                $0.event("api_key.limit_changed", ["=", "", "0", "=", ""], organization.key.uuid)
            }
            #expect(try await organization.admit("1", tokens: 1).denial?.reason == .tokensPerMinute)
            _ = try await organization.apply {
                $0.event("api_key.limit_changed", ["=", "=", "", "=", ""], organization.key.uuid)
            }
            #expect(try await organization.admit("1", tokens: 1).admission != nil)
        }
    }

    @Test func aNewerEpochInTheLedgerMakesAnOlderStateUnknown() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "1000")
            #expect(try await organization.apply { $0.event("admission.epoch_started", []) } == "applied")
            #expect(try await organization.admit("1").admission != nil)
            let last = organization.position
            organization.position = 10
            let newer = organization.slice(previous: last) { $0.event("admission.epoch_started", []) }
            #expect(try await organization.send(newer) == "applied")
            #expect(try await organization.admit("1") == .unknown)
        }
    }

    @Test func anEventThatCannotBeUnderstoodParksItsOrganization() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "1000")
            _ = try await organization.apply {
                $0.event("credit.granted", ["1.5"])
                $0.event("credit.granted", ["1"])
            }
            #expect(try await organization.admit("1") == .unknown)
            #expect(try await organization.state()["unknown"]?.contains(" parked credit.granted") == true)
        }
    }

    @Test func partsOfALongSliceContinueOneAnother() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "0")
            let slice = organization.slice { events in for _ in 0..<1234 { events.event("credit.granted", ["1"]) } }
            let parts = slice.parts(of: 500)
            #expect(parts.map(\.count) == [500, 500, 234])
            for part in parts { #expect(try await organization.send(part) == "applied") }
            #expect(try await organization.available().first == "1234")
            #expect(try await organization.send(slice) == "already")
        }
    }
}
