import Ledger
import Money
import Redis
import Testing

@testable import Admission

/// Building a state anew: by one at a time, absolute, over an older epoch only, and without a hole where events arrive meanwhile.
@Suite struct SeedTests {
    private let noLimit: LimitChange

    init() throws { noLimit = try #require(LimitChange("")) }

    /// A claim by a name, which stands for the token in the answer and in `seed`.
    private func claim(_ organization: RedisOrganization, _ name: String, wanted: Int64 = 0) async throws -> Claim {
        let claim = try Claim(
            await organization.functions.call(.claim, organization.keys.all, [.string(name), .integer(wanted), "60000"]))
        guard case .claimed(let loss, let token) = claim else { return claim }
        organization.tokens[name] = token
        return .claimed(loss, token: name)
    }

    private func seed(_ organization: RedisOrganization, _ name: String, _ seed: Seed) async throws -> String {
        try #require(
            try await organization.functions.call(
                .seed, organization.keys.all, [.string(organization.tokens[name] ?? name)] + seed.arguments
            ).string)
    }

    private func content(_ organization: RedisOrganization, epoch: Int64, balance: String) -> Seed {
        var seed = Seed(organization: organization.id, epoch: epoch, position: organization.position)
        seed.set(organization: "active", strict: true, isRetained: false, policy: 0, available: balance)
        seed.set(project: organization.project.uuid, status: "active", limit: noLimit, available: "0")
        seed.set(
            key: organization.key.uuid, status: "active", digest: organization.digest, limit: noLimit, expires: "", requests: "",
            tokens: "", available: "0", period: SeededPeriod(name: "", limit: noLimit, begins: "", available: ""))
        return seed
    }

    @Test func aKnownStateIsNotClaimed() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            #expect(try await claim(organization, "a") == .known)
            #expect(try await claim(organization, "a", wanted: 10) == .known)
            #expect(try await claim(organization, "a", wanted: 11) == .claimed(.stale(epoch: 10), token: "a"))
            #expect(try await claim(organization, "b", wanted: 11) == .wait)
        }
    }

    @Test func aSeedReplacesEverythingOnce() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            _ = try await organization.admit("60")
            #expect(try await claim(organization, "a", wanted: 11) == .claimed(.stale(epoch: 10), token: "a"))
            #expect(try await seed(organization, "b", content(organization, epoch: 11, balance: "1")) == "lost")
            #expect(try await seed(organization, "a", content(organization, epoch: 11, balance: "70")) == "seeded")
            #expect(try await seed(organization, "a", content(organization, epoch: 12, balance: "1")) == "lost")
            #expect(try await organization.available().first == "70")
            #expect(try await organization.holds().isEmpty)
            #expect(try await organization.admit("70").admission?.epoch == 11)
        }
    }

    @Test func anEqualOrNewerEpochStays() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            for epoch: Int64 in [9, 10] {
                #expect(try await claim(organization, "a", wanted: 11) == .claimed(.stale(epoch: 10), token: "a"))
                #expect(try await seed(organization, "a", content(organization, epoch: epoch, balance: "1")) == "already")
            }
            #expect(try await organization.available().first == "100")
        }
    }

    @Test func eventsThatArriveMeanwhileAreFoldedIn() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            _ = try await functions.connection.call(["DEL", .string(organization.keys.state), .string(organization.keys.holds)])
            #expect(try await claim(organization, "a") == .claimed(.missing, token: "a"))
            var snapshot = content(organization, epoch: 11, balance: "100")
            // One event that the snapshot has beyond the tables, and that the projector sends as well; then one more.
            let first = organization.slice { $0.event("credit.granted", ["5"]) }
            snapshot.add(
                AdmissionEvent(
                    position: organization.position, organization: organization.id.uuid, stream: organization.id.uuid,
                    type: "credit.granted", fields: ["5"]))
            #expect(try await organization.send(first) == "missing")
            #expect(try await organization.apply { $0.event("credit.granted", ["20"]) } == "missing")
            #expect(try await seed(organization, "a", snapshot) == "seeded")
            #expect(try await organization.available().first == "125")
            #expect(try await organization.apply { $0.event("credit.granted", ["1"]) } == "applied")
            #expect(try await functions.connection.call(["EXISTS", .string(organization.keys.backlog)]) == .integer(0))
        }
    }

    @Test func aFlushEndsTheClaim() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            #expect(try await claim(organization, "a", wanted: 11) == .claimed(.stale(epoch: 10), token: "a"))
            _ = try await functions.connection.call(["DEL"] + organization.keys.all.map(RedisArgument.string))
            #expect(try await seed(organization, "a", content(organization, epoch: 11, balance: "1")) == "lost")
            #expect(try await organization.state().isEmpty)
        }
    }

    /// What the network delivers again after a flush begins no state.
    @Test func aLateClaimGivesNothingToWhoMadeTheFirst() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            #expect(try await claim(organization, "a", wanted: 11) == .claimed(.stale(epoch: 10), token: "a"))
            let token = organization.tokens["a"]
            _ = try await functions.connection.call(["DEL"] + organization.keys.all.map(RedisArgument.string))
            #expect(try await claim(organization, "a", wanted: 11) == .claimed(.missing, token: "a"))
            organization.tokens["a"] = token
            #expect(try await seed(organization, "a", content(organization, epoch: 10, balance: "100")) == "lost")
            #expect(try await organization.state().isEmpty)
        }
    }

    @Test func aClaimCanBeGivenUp() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            #expect(try await claim(organization, "a", wanted: 11) == .claimed(.stale(epoch: 10), token: "a"))
            #expect(try await functions.call(.unclaim, organization.keys.all, ["b"]).string == "lost")
            #expect(try await claim(organization, "b", wanted: 11) == .wait)
            #expect(
                try await functions.call(.unclaim, organization.keys.all, [.string(organization.tokens["a"] ?? "")]).string
                    == "given up")
            #expect(try await claim(organization, "b", wanted: 11) == .claimed(.stale(epoch: 10), token: "b"))
        }
    }

    @Test func holdsOfTheSeedAreConfirmedAndCounted() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            let request = RequestID.mint()
            #expect(try await claim(organization, "a", wanted: 11) == .claimed(.stale(epoch: 10), token: "a"))
            var content = content(organization, epoch: 11, balance: "70")
            content.add(
                hold: request.uuid, project: organization.project.uuid, key: organization.key.uuid,
                instance: organization.instance.uuid, admittedAt: 1_700_000_000_000_000, amount: "30")
            #expect(try await seed(organization, "a", content) == "seeded")
            #expect(try await organization.release(request) == "confirmed")
            _ = try await organization.apply {
                $0.event("request.completed", organization.outcome(charged: "10"), request.uuid)
            }
            #expect(try await organization.available() == ["90", "20", "20"])
        }
    }

    @Test func aTailThatDoesNotContinueIsRefused() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            #expect(try await claim(organization, "a", wanted: 11) == .claimed(.stale(epoch: 10), token: "a"))
            let content = content(organization, epoch: 11, balance: "70")
            _ = organization.slice { $0.event("credit.granted", ["5"]) }
            #expect(try await organization.apply { $0.event("credit.granted", ["20"]) } == "unknown")
            #expect(try await seed(organization, "a", content) == "unknown")
            #expect(try await claim(organization, "b") == .claimed(.unknown(epoch: 10, reason: "gap"), token: "b"))
        }
    }

    /// Events that make a state unknown are no reason to call it built. Nothing was held in it, so the same epoch may try again.
    @Test(arguments: [false, true]) func aStateThatItsOwnEventsMakeUnknownIsNotBuilt(isOfTheBacklog: Bool) async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100")
            for attempt in 0..<3 {
                let known: Claim.Loss = attempt == 0 ? .stale(epoch: 10) : .unknown(epoch: 10, reason: "period")
                #expect(try await claim(organization, "a", wanted: 11) == .claimed(known, token: "a"))
                var behind = content(organization, epoch: 11, balance: "70")
                let change = ["=", "=", "=", "d1", "25"]
                let slice = organization.slice { $0.event("api_key.limit_changed", change, organization.key.uuid) }
                if isOfTheBacklog {
                    _ = try await organization.send(slice)
                } else {
                    behind.add(
                        AdmissionEvent(
                            position: organization.position, organization: organization.id.uuid, stream: organization.key.uuid,
                            type: "api_key.limit_changed", fields: change))
                }
                #expect(try await seed(organization, "a", behind) == "unknown")
                #expect(try await organization.admit("1") == .unknown)
            }
            #expect(try await claim(organization, "a") == .claimed(.unknown(epoch: 10, reason: "period"), token: "a"))
            #expect(try await seed(organization, "a", content(organization, epoch: 11, balance: "70")) == "seeded")
            #expect(try await organization.admit("70").admission?.epoch == 11)
        }
    }

    @Test func whatIsWrongDecidesWhetherAnEpochMustBegin() {
        let filling = RedisMarker(runID: "r", epoch: 20, isComplete: false, applied: nil)
        let full = RedisMarker(runID: "r", epoch: 20, isComplete: true, applied: nil)
        #expect(Claim.Loss.missing.isCovered(by: 20, filling))
        #expect(!Claim.Loss.missing.isCovered(by: 21, filling))
        #expect(!Claim.Loss.missing.isCovered(by: 20, full))
        #expect(Claim.Loss.stale(epoch: 19).isCovered(by: 20, full))
        #expect(!Claim.Loss.unknown(epoch: 20, reason: "gap").isCovered(by: 20, full))
        #expect(Claim.Loss.unknown(epoch: 19, reason: "gap").isCovered(by: 20, full))
    }
}
