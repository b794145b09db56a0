import Foundation
import Ledger
import Money
import Redis
import TestSupport
import Testing

@testable import Admission

/// The parts that need neither Redis nor Postgres.
@Suite struct PartsTests {
    @Test func theLeastRecentlyAskedForMakesRoom() {
        var cache = LRUCache<Int, String>(capacity: 3)
        for key in 1...3 { cache.set("\(key)", for: key) }
        #expect(cache.value(for: 1) == "1")
        cache.set("4", for: 4)
        #expect(cache.value(for: 2) == nil)
        for key in [1, 3, 4] { #expect(cache.value(for: key) == "\(key)") }
        cache.remove(3)
        cache.set("5", for: 5)
        cache.set("6", for: 6)
        #expect(cache.value(for: 1) == nil)
        #expect(cache.count == 3)
    }

    @Test func aCacheAgreesWithASimpleOneOverRandomUse() {
        let seed = TestEnvironment.seed("LRUCache")
        var random = SeededGenerator(seed: seed)
        var cache = LRUCache<Int, Int>(capacity: 8)
        var simple: [(Int, Int)] = []
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<14, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let place = simple.firstIndex { $0.0 == key }
                let expected = place.map { simple[$0].1 }
                if let place { simple.append(simple.remove(at: place)) }
                #expect(cache.value(for: key) == expected)
            case 5..<9:
                simple.removeAll { $0.0 == key }
                simple.append((key, step))
                if simple.count > 8 { simple.removeFirst() }
                cache.set(step, for: key)
            default:
                simple.removeAll { $0.0 == key }
                cache.remove(key)
            }
            #expect(cache.count == simple.count)
        }
    }

    @Test func strangersAreLimitedEachForItself() {
        var limit = StrangerLimit(burst: 3, interval: .milliseconds(500), capacity: 10)
        let start = ContinuousClock.now
        func takes(_ client: String, after milliseconds: Int = 0) -> Bool {
            limit.take(client, now: start + .milliseconds(milliseconds))
        }
        #expect((0..<4).map { _ in takes("a") } == [true, true, true, false])
        #expect(takes("b"))
        #expect(takes("a", after: 600))
        #expect(!takes("a", after: 600))
        limit.giveBack("a")
        #expect(takes("a", after: 600))
        for client in 0..<1000 { _ = limit.take("\(client)", now: start) }
    }

    @Test func linesOfAdmitAreRead() throws {
        let admitted = try AdmitReply.decision(.bulk(Array("admitted 7 1700000000 1 3 1 50 -2 - -".utf8)))
        #expect(
            admitted
                == .admitted(
                    Admission(
                        epoch: 7, admittedAt: Timestamp(microseconds: 1_700_000_000_000_001), available: NanoDollars(-2),
                        balance: NanoDollars(50), policy: 3, strict: true)))
        #expect(try AdmitReply.decision(.bulk(Array("stale 17".utf8))) == .stale(policy: 17))
        let retained = try AdmitReply.decision(.bulk(Array("admitted 7 1700000000 1 3r 1 50 - - 60".utf8)))
        #expect(retained.admission?.isRetained == true && retained.admission?.policy == 3)
        #expect(admitted.admission?.isRetained == false)
        let denied = try AdmitReply.decision(.bulk(Array("denied tokens_per_minute api_key 1500 - - - -".utf8)))
        #expect(
            denied == .denied(Denial(reason: .tokensPerMinute, scope: .apiKey, retryAfter: .milliseconds(1500))))
        for line in ["", "admitted", "denied x api_key - - - - -", "admitted 1 2 3 4 1 a b c d", "unknown 1"] {
            #expect(throws: AdmissionError.self) { try AdmitReply.decision(.bulk(Array(line.utf8))) }
        }
        #expect(throws: AdmissionError.self) { try AdmitReply.decision(.integer(1)) }
    }

    @Test func aRedisIsTrustedOnlyAsTheOneOnRecord() {
        func verdict(_ marker: RedisMarker, _ record: EpochRecord) -> TrustVerdict {
            TrustVerdict(runID: "here", marker: marker, record: record)
        }
        let record = EpochRecord(epoch: 20, runID: "here", head: 100, version: 3)
        let marker = RedisMarker(runID: "here", epoch: 20, isComplete: true, applied: 90)
        #expect(verdict(marker, record) == .trusted)
        #expect(verdict(.with(marker) { $0.epoch = 19 }, record) == .behind)
        #expect(verdict(RedisMarker(isComplete: false), record) == .lost(reason: "redis_flushed"))
        #expect(verdict(.with(marker) { $0.runID = "there" }, record) == .lost(reason: "redis_replaced"))
        // A server that was replaced while it ran still names itself, but the record names another: it does not take it back.
        let replaced = EpochRecord(epoch: 25, runID: "there", head: 100, version: 3)
        #expect(verdict(marker, replaced) == .superseded(by: "there"))
        // Emptied, started again, or a copy of the one on record (a replica that takes over), it is another one.
        #expect(verdict(RedisMarker(isComplete: false), replaced) == .lost(reason: "redis_replaced"))
        #expect(verdict(.with(marker) { $0.runID = "before" }, replaced) == .lost(reason: "redis_replaced"))
        #expect(verdict(.with(marker) { $0.runID = "there" }, replaced) == .lost(reason: "redis_replaced"))
        #expect(
            verdict(RedisMarker(isComplete: false), EpochRecord(epoch: 2, runID: nil, head: 9, version: 1))
                == .lost(reason: "redis_first_seen"))
        #expect(verdict(.with(marker) { $0.epoch = 21 }, record) == .ahead)
        #expect(verdict(.with(marker) { $0.applied = 101 }, record) == .ahead)
    }

    @Test func infoIsReadAndMissingFieldsAreNamed() throws {
        let server = try RedisTrust.Server(
            info: "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n")
        #expect(server.runID == "abc")
        #expect(server.evictionPolicy == "noeviction")
        #expect(throws: AdmissionError.self) { try RedisTrust.Server(info: "run_id:abc") }
    }

    @Test func keysOfAnOrganizationShareTheirSlot() {
        let organization = OrganizationID.mint()
        let keys = OrganizationKeys(organization)
        #expect(keys.all.allSatisfy { $0.hasPrefix("{\(organization.uuid.lowercase)}:") })
        #expect(Set(keys.all).count == 4)
        #expect(OrganizationKeys.organization(ofHolds: keys.holds) == organization)
        #expect(OrganizationKeys.organization(ofHolds: keys.state) == nil)
        #expect(OrganizationKeys.organization(ofHolds: "{x}:holds") == nil)
    }

    /// The projection's types and the ones that the mirror cuts into steps are the same.
    @Test func theFolderAndTheCodeNameTheSameEvents() throws {
        struct Definition: Decodable { let events: [String: Int32], streams: [String: [String]] }
        let data = try #require(FileManager.default.contents(atPath: admissionFolderPath + "/projection.json"))
        let definition = try JSONDecoder().decode(Definition.self, from: data)
        #expect(Set(definition.events.keys) == Set(AdmissionEvent.types))
        #expect(AdmissionEvent.types.count == definition.events.count)
        #expect(Set(definition.events.values) == [AdmissionEvent.schemaVersion])
        #expect(Set(definition.streams.keys) == Set(AdmissionEvent.streams.map(\.rawValue)))
        #expect(Set(definition.streams.values.joined()) == Set(AdmissionEvent.passedOver))
    }

    @Test func theLibraryIsNamedByItsText() throws {
        let folder = try AdmissionFolder(path: admissionFolderPath)
        let name = folder.name(of: .admit)
        #expect(name.hasPrefix("llmgateway_admission_") && name.hasSuffix("_admit") && !name.contains("_dev_"))
        #expect(folder.library.hasPrefix("#!lua name=\(name.dropLast("_admit".count))\n"))
        #expect(Set(AdmissionFunction.allCases.map(\.index)) == Set(0..<AdmissionFunction.allCases.count))
        for function in AdmissionFunction.allCases { #expect(folder.name(of: function).hasSuffix("_\(function.rawValue)")) }
        #expect(throws: AdmissionError.self) { try AdmissionFolder(path: "/nowhere") }
    }

    @Test func everyTypeHasAStepAndEveryBadShapeHasNone() {
        let id = UUID().uuidString.lowercased()
        let digest = String(repeating: "0a", count: 32)
        let good: [(String, [String], String)] = [
            ("organization.created", ["active", "true"], "organization"),
            ("organization.updated", ["=", "=", "retain"], "organization"), ("organization.deleted", [], "organization"),
            ("project.created", ["active", ""], "project"), ("project.updated", ["=", "5"], "project"),
            ("project.deleted", [], "project"), ("api_key.created", [digest, "active", "", "", "", "", "", ""], "key"),
            ("api_key.status_changed", ["inactive"], "key"), ("api_key.limit_changed", ["=", "", "7", "d1", "9"], "key"),
            ("api_key.expiry_changed", [""], "key"), ("api_key.rolled", [digest], "key"), ("api_key.deleted", [], "key"),
            ("iam_rule.created", [], "policy"), ("iam_rule.updated", [], "policy"), ("iam_rule.deleted", [], "policy"),
            ("member_rule.created", [], "policy"), ("member_rule.updated", [], "policy"), ("member_rule.deleted", [], "policy"),
            ("provider_key.created", [], "policy"), ("provider_key.updated", [], "policy"),
            ("provider_key.deleted", [], "policy"),
            ("credit.granted", ["1"], "credit"),
            ("credit.topped_up", ["1"], "credit"), ("credit.adjusted", ["-1"], "credit"), ("credit.refunded", ["1"], "credit"),
            ("credit.expired", ["1"], "credit"), ("credit.voided", ["1"], "credit"), ("credit.frozen", ["1"], "credit"),
            ("credit.unfrozen", ["1"], "credit"), ("request.authorized", [id, id, id, "1", "2"], "authorize"),
            ("request.voided", [id, id, ""], "void"), ("request.completed", [id, id, "1", "5"], "settle"),
            ("request.failed", [id, id, "1", "5"], "settle"), ("request.cancelled", [id, id, "1", "5"], "settle"),
            ("request.abandoned", [id, id, "0", "5"], "settle"), ("request.settled_late", [id, id, "1", "5"], "settle"),
            ("admission.epoch_started", [], "epoch"),
        ]
        func step(_ type: String, _ fields: [String]) -> Step? {
            Step(AdmissionEvent(position: 9, organization: UUID(), stream: UUID(), type: type, fields: fields))
        }
        #expect(Set(good.map(\.0)) == Set(AdmissionEvent.types))
        for (type, fields, name) in good { #expect(step(type, fields)?.name == name, "\(type)") }
        for type in ["credit.refunded", "credit.voided", "credit.frozen"] { #expect(step(type, ["7"])?.arguments == ["-7"]) }
        #expect(step("credit.unfrozen", ["7"])?.arguments == ["7"])
        let bad: [(String, [String])] = [
            ("credit.granted", ["-1"]), ("credit.granted", [""]), ("credit.granted", []), ("credit.adjusted", ["1e3"]),
            ("request.completed", [id, id, "-1", "5"]), ("request.completed", [id, "", "1", "5"]),
            ("request.completed", [id, id, "", "5"]), ("request.completed", [id, id, "1", ""]),
            ("api_key.limit_changed", ["=", "=", "=", "d1", ""]), ("api_key.limit_changed", ["=", "=", "=", "y1", "9"]),
            ("api_key.limit_changed", ["=", "=", "=", "d0", "9"]), ("api_key.limit_changed", ["=", "=", "=", "d", "9"]),
            ("request.authorized", [id, id, id, "x", "2"]), ("organization.created", ["active", ""]),
            ("organization.updated", ["gone", "=", "="]), ("organization.updated", ["=", "=", "some"]),
            ("project.created", ["active", "-5"]),
            ("api_key.created", ["zz", "active", "", "", "", "", "", ""]), ("api_key.status_changed", [""]), ("unheard.of", []),
        ]
        for (type, fields) in bad { #expect(step(type, fields) == nil, "\(type) \(fields)") }
    }
}

extension RedisMarker {
    fileprivate static func with(_ marker: RedisMarker, _ change: (inout RedisMarker) -> Void) -> RedisMarker {
        var copy = marker
        change(&copy)
        return copy
    }
}
