import Ledger
import Money
import Redis
import Testing

import struct Foundation.UUID

@testable import Admission

/// Each reason for which a request may not go on, and what it leaves behind: nothing.
@Suite struct DenialTests {
    @Test func anUnknownOrganizationIsUnknown() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "10")
            _ = try await functions.connection.call(["DEL", .string(organization.keys.state)])
            #expect(try await organization.admit("1") == .unknown)
        }
    }

    @Test func anotherTokenOrAnotherKeyIsNoKey() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "10")
            let expected = AdmitDecision.denied(Denial(reason: .unknownKey, scope: .apiKey))
            #expect(try await organization.admit("1", digest: String(repeating: "cd", count: 32)) == expected)
            #expect(try await organization.admit("1", key: .mint()) == expected)
            #expect(try await organization.admit("1").admission != nil)
        }
    }

    @Test func aRolledKeyTakesTheNewTokenOnly() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "10")
            let new = String(repeating: "01", count: 32)
            _ = try await organization.apply { $0.event("api_key.rolled", [new], organization.key.uuid) }
            #expect(try await organization.admit("1").denial?.reason == .unknownKey)
            #expect(try await organization.admit("1", digest: new).admission != nil)
        }
    }

    @Test func statesAreCheckedAndComeBack() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "10")
            func reason(after type: String, _ fields: [String], _ stream: StreamName) async throws -> Denial.Reason? {
                #expect(try await organization.apply { $0.event(type, fields, stream.id) } == "applied")
                return try await organization.admit("1").denial?.reason
            }
            let key = StreamName.apiKey(organization.key)
            let project = StreamName.project(organization.project)
            let whole = StreamName.organization(organization.id)
            #expect(try await reason(after: "organization.updated", ["inactive", "=", "="], whole) == .organizationInactive)
            #expect(try await reason(after: "project.updated", ["inactive", "="], project) == .projectInactive)
            #expect(try await reason(after: "api_key.status_changed", ["inactive"], key) == .keyInactive)
            #expect(try await reason(after: "api_key.status_changed", ["active"], key) == .projectInactive)
            #expect(try await reason(after: "project.updated", ["active", "="], project) == .organizationInactive)
            #expect(try await reason(after: "organization.updated", ["active", "=", "="], whole) == nil)
            #expect(try await reason(after: "api_key.deleted", [], key) == .unknownKey)
            #expect(try await reason(after: "organization.deleted", [], whole) == .unknownKey)
        }
    }

    @Test func whatHasNoBoundIsForPlainOrganizationsOnly() async throws {
        try await withFunctions { functions in
            let strict = try await RedisOrganization.make(functions, balance: "10")
            #expect(
                try await strict.admit("1", isUnbounded: true) == .denied(Denial(reason: .unbounded, scope: .organization)))
            // Not for its price: also where there is too little for the hold.
            #expect(try await strict.admit("11", isUnbounded: true).denial?.reason == .unbounded)
            #expect(try await strict.holds().isEmpty)
            #expect(try await strict.available().first == "10")
            let plain = try await RedisOrganization.make(functions, balance: "10", strict: false)
            #expect(try await plain.admit("1", isUnbounded: true).admission != nil)
            #expect(try await plain.available().first == "9")
            #expect(try await plain.apply { $0.event("organization.updated", ["=", "true", "="]) } == "applied")
            #expect(try await plain.admit("1", isUnbounded: true).denial?.reason == .unbounded)
        }
    }

    @Test func aKeyExpiresByRedisTime() async throws {
        try await withFunctions { functions in
            let past = try await RedisOrganization.make(functions, balance: "10", expires: "1700000000000000")
            #expect(try await past.admit("1") == .denied(Denial(reason: .keyExpired, scope: .apiKey)))
            let future = try await RedisOrganization.make(functions, balance: "10", expires: "4100000000000000")
            #expect(try await future.admit("1").admission != nil)
        }
    }

    @Test func aDenialNamesTheScopeAndWhatCouldBeHeld() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "100", projectLimit: "50", keyLimit: "20")
            #expect(
                try await organization.admit("21").denial
                    == Denial(reason: .keyLimit, scope: .apiKey, available: NanoDollars(20)))
            #expect(
                try await organization.admit("51").denial
                    == Denial(reason: .projectLimit, scope: .project, available: NanoDollars(20)))
            #expect(
                try await organization.admit("101").denial
                    == Denial(reason: .balance, scope: .organization, available: NanoDollars(20)))
            #expect(try await organization.available() == ["100", "50", "20"])
            #expect(try await organization.admit("20").admission?.available == .zero)
        }
    }

    @Test func whatCostsNothingPassesWithoutBalanceAndHoldsNothing() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "5", keyLimit: "7")
            _ = try await organization.apply {
                $0.event("request.completed", organization.outcome(charged: "6"), RequestID.mint().uuid)
            }
            let admission = try await organization.admit("0").admission
            #expect(admission?.available == NanoDollars(-1))
            #expect(try await organization.holds().isEmpty)
            #expect(try await organization.admit("1").denial?.available == NanoDollars(-1))
        }
    }

    @Test func anAdmissionTellsEpochModeAndRules() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "5", strict: false)
            _ = try await organization.apply { $0.event("iam_rule.created", [], organization.key.uuid) }
            let admission = try await organization.admit("1").admission
            #expect(admission?.epoch == 10)
            #expect(admission?.isRetained == false)
            #expect(admission?.strict == false)
            #expect(admission?.policy == organization.position)
            for (retention, isRetained) in [("retain", true), ("=", true), ("none", false), ("=", false)] {
                _ = try await organization.apply { $0.event("organization.updated", ["=", "=", retention]) }
                _ = try await organization.apply { $0.event("iam_rule.updated", [], organization.key.uuid) }
                let next = try await organization.admit("0").admission
                #expect(next?.isRetained == isRetained && next?.policy == organization.position && next?.strict == false)
            }
            #expect(admission.map { $0.admittedAt > Timestamp(microseconds: 1_700_000_000_000_000) } == true)
        }
    }

    @Test func aRequestOfAnOlderPolicyHoldsNothing() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "5", requestsPerMinute: "1")
            var policy = organization.position
            func changed(_ type: String, _ fields: [String], _ stream: UUID) async throws {
                let applied = try await organization.apply { $0.event(type, fields, stream) }
                #expect(applied == "applied")
                let stale = AdmitDecision.stale(policy: organization.position)
                let late = try await organization.admit("3", tokens: 1, policy: policy)
                #expect(late == stale)
                // Whoever refuses by an old policy must look again too.
                let refused = try await organization.admit("0", policy: policy, isRefused: true)
                #expect(refused == stale)
                policy = organization.position
            }
            try await changed("iam_rule.created", [], organization.key.uuid)
            try await changed("iam_rule.deleted", [], organization.key.uuid)
            try await changed("member_rule.created", [], organization.id.uuid)
            try await changed("project.updated", ["=", "="], organization.project.uuid)
            try await changed("project.created", ["active", ""], ProjectID.mint().uuid)
            // What routing does not depend on makes nobody look again.
            _ = try await organization.apply { $0.event("organization.updated", ["=", "=", "retain"]) }
            _ = try await organization.apply { $0.event("credit.granted", ["1"]) }
            #expect(try await organization.holds().isEmpty)
            #expect(
                try await organization.admit("3", policy: policy, isRefused: true)
                    == .denied(Denial(reason: .permission, scope: .apiKey)))
            // None of these was counted or held.
            #expect(try await organization.admit("7", policy: policy).denial?.available == NanoDollars(6))
            #expect(try await organization.admit("3", policy: policy).admission != nil)
        }
    }

    @Test func theSameRequestHoldsOnce() async throws {
        try await withFunctions { functions in
            let organization = try await RedisOrganization.make(functions, balance: "5", requestsPerMinute: "1")
            let request = RequestID.mint()
            let first = try await organization.admit("3", request: request).admission
            let again = try await organization.admit("3", request: request).admission
            #expect(first != nil)
            #expect(first?.available == again?.available)
            #expect(try await organization.available().first == "2")
            do {
                _ = try await organization.admit("4", request: request)
                Issue.record("a second amount was taken for one request")
            } catch let error as AdmissionError {
                #expect(error.code == .duplicateRequest)
            }
        }
    }
}
