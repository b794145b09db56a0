import Foundation
import Money
import TestSupport
import Testing

@testable import Ledger

@Suite struct EventTests {
    private static let cast = Cast()

    private static func recorded(_ event: NewEvent) -> RecordedEvent {
        RecordedEvent(
            position: 1, id: event.id, stream: event.stream, streamVersion: 1, type: event.type,
            schemaVersion: event.schemaVersion, organization: event.organization, data: event.data, metadata: event.metadata,
            occurredAt: event.occurredAt, recordedAt: event.occurredAt, hash: [])
    }

    /// What is written, by Codable or by hand, is read back the same.
    static func survives<T: EventData & Equatable>(_ data: T) throws {
        let event = try NewEvent(
            data, stream: StreamName(kind: .ledger, id: .zero), expectedVersion: nil, organization: nil)
        #expect(try recorded(event).decode(T.self) == data)
        guard case .known(let known) = try EventRegistry.standard.decode(recorded(event)) else {
            Issue.record("\(T.type) is not registered")
            return
        }
        #expect(known as? T == data)
        #expect(T.type.contains(".") && T.type == T.type.lowercased())
    }

    @Test func everyTypeSurvives() throws {
        let cast = Self.cast
        try Self.survives(LedgerCreated(ledger: RequestID.mint().uuid))
        try Self.survives(AdmissionEpochStarted(reason: "redis_restarted"))
        try Self.survives(RollbackAccepted(sealedTo: 9, sealedHash: "00", head: 7))
        try Self.survives(
            PeriodClosed(
                period: "2026-10", position: 7, chain: "0a", accounts: [.init(account: "fees", balance: NanoDollars(-1))]))
        try Self.survives(OrganizationCreated())
        try Self.survives(OrganizationUpdated(strict: false))
        try Self.survives(OrganizationDeleted())
        try Self.survives(ProjectCreated(usageLimit: NanoDollars(5)))
        try Self.survives(ProjectCreated())
        for change: FieldChange<NanoDollars> in [.unchanged, .cleared, .set(NanoDollars(5))] {
            try Self.survives(ProjectUpdated(usageLimit: change, status: .inactive))
            try Self.survives(APIKeyLimitChanged(usageLimit: change, requestsPerMinute: .set(3), tokensPerMinute: .cleared))
        }
        try Self.survives(ProjectDeleted())
        try Self.survives(APIKeyCreated(project: cast.project, tokenSHA256: String(repeating: "a", count: 64), expiresAt: .now))
        try Self.survives(APIKeyStatusChanged(status: .inactive))
        try Self.survives(APIKeyDeleted())
        try Self.survives(APIKeyRenamed())
        try Self.survives(APIKeyExpiryChanged(expiresAt: nil))
        try Self.survives(APIKeyExpiryChanged(expiresAt: .now))
        try Self.survives(APIKeyRolled(tokenSHA256: String(repeating: "a", count: 64), hint: "llmgtwy_abcd"))
        let period = PeriodLimit(amount: NanoDollars(5), count: 2, unit: .week)
        try Self.survives(APIKeyLimitChanged(periodLimit: .set(period)))
        try Self.survives(
            APIKeyCreated(
                project: cast.project, tokenSHA256: String(repeating: "a", count: 64), hint: "h", createdBy: .mint(),
                periodLimit: period))
        let value = IAMRuleValue(models: ["m"], pricing: "free", maxInputPrice: PicoDollars(3), networks: ["10.0.0.0/8"])
        try Self.survives(IAMRuleCreated(rule: .mint(), kind: .allowModels, value: value))
        try Self.survives(MemberRuleCreated(user: .mint(), rule: .mint(), kind: .denyPricing, value: value, status: .inactive))
        try Self.survives(MemberRuleUpdated(user: .mint(), rule: .mint(), kind: nil, value: value))
        try Self.survives(MemberRuleDeleted(user: .mint(), rule: .mint()))
        try Self.survives(IAMRuleUpdated(rule: .mint(), status: .inactive))
        try Self.survives(IAMRuleDeleted(rule: .mint()))
        try Self.survives(
            ProviderKeyCreated(
                provider: "custom", name: "acme", baseURL: "https://llm.acme.test/v1",
                options: ProviderKeyOptions(azureResource: "r"), place: 2, createdBy: .mint()))
        try Self.survives(ProviderKeyUpdated(status: .inactive, place: 1))
        try Self.survives(ProviderKeyDeleted())
        try Self.survives(OrganizationProviderKeyAdded(providerKey: .mint()))
        try Self.survives(MemberAdded(user: .mint(), role: .owner))
        try Self.survives(MemberRoleChanged(user: .mint(), role: .admin))
        try Self.survives(MemberRemoved(user: .mint()))
        try Self.survives(MemberInvited(invite: .mint(), role: .developer, expiresAt: .now))
        try Self.survives(MemberInviteWithdrawn(invite: .mint()))
        try Self.survives(UserOrganizationAdded(organization: cast.organization))
        try Self.survives(UserDeleted())
        try Self.survives(OrganizationReferred(referrer: cast.organization))
        try Self.survives(OrganizationProjectAdded(project: cast.project))
        try Self.survives(ProjectKeyAdded(apiKey: cast.key))
        try Self.survives(OrganizationUpdated(texts: true, retention: "none", autoTopUp: true, autoTopUpAmount: NanoDollars(1)))
        try Self.survives(ProjectUpdated(cacheSeconds: 60, texts: true))
        try Self.survives(ProjectCreated(caching: true, cacheSeconds: 10))
        try Self.survives(CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(.max), expiresAt: .now, priority: -3))
        try Self.survives(CreditToppedUp(amount: NanoDollars(1), fee: NanoDollars(2), payment: .mint()))
        try Self.survives(CreditAdjusted(amount: NanoDollars(.min), reason: "\"\\ü\n", corrects: 7))
        try Self.survives(CreditRefunded(amount: NanoDollars(1)))
        try Self.survives(CreditExpired(grant: .mint(), amount: NanoDollars(1)))
        try Self.surviveBilling()
        try Self.survives(cast.authorized())
        try Self.survives(RequestVoided(reason: "no_authorization", project: cast.project, apiKey: cast.key, held: .zero))
        try Self.survives(
            RequestDenied(project: cast.project, apiKey: cast.key, reason: "balance", scope: nil, model: "m", status: 402))
        var outcome = try cast.outcome()
        try Self.survives(RequestCompleted(outcome: outcome))
        outcome.error = OutcomeError(type: "upstream_error", code: "503", upstreamStatus: 503)
        outcome.provider = nil
        outcome.upstreamModel = nil
        outcome.finishReason = nil
        outcome.attempts.append(Attempt(provider: "p", model: "m", status: nil, error: "reset", durationMS: 1))
        outcome.timeToFirstTokenMS = 7
        outcome.bodies = BodyDigests(prompt: String(repeating: "0a", count: 32), completion: nil)
        (outcome.credential, outcome.providerKey) = (.organization, .mint())
        outcome.attempts[0].providerKey = outcome.providerKey
        (outcome.saved, outcome.usage) = (NanoDollars(7), Cast.usage)
        try Self.survives(RequestFailed(outcome: outcome))
        try Self.survives(RequestCancelled(outcome: outcome))
        try Self.survives(RequestSettledLate(outcome: outcome))
        try Self.survives(RequestAbandoned(outcome: outcome, reason: "lease_expired", bound: NanoDollars(9)))
        #expect(EventRegistry.standard.typeNames.count == 78)
    }

    /// However much there is to say of prices, each event of it is one that the ledger takes.
    @Test func firstPricesAreSaidInEventsThatFit() throws {
        let prices = Dictionary(uniqueKeysWithValues: (0..<100).map { ("prices.tiers[\($0)].cached_input", "0.123456") })
        let mappings = (0..<300).map { number in
            CataloguePriced.Mapping(
                model: "\(number)" + String(repeating: "\"", count: 200), provider: "p", upstreamModel: "u", prices: prices)
        }
        let events = CataloguePriced.events(catalogueVersion: "c0ffee", mappings: mappings)
        #expect(events.flatMap(\.mappings) == mappings && (2...20).contains(events.count))
        for (index, event) in events.enumerated() {
            _ = try NewEvent(event, stream: CataloguePriced.stream, expectedVersion: Int64(index), organization: nil)
        }
        #expect(CataloguePriced.events(catalogueVersion: "c0ffee", mappings: []).isEmpty)
        #expect(Set(mappings.map(\.changes)).count == mappings.count)
    }

    /// The events of the request path write themselves; they must say the same as Codable does, but for members that are null.
    @Test func handWrittenAndCodableAgree() throws {
        func agree<T: EventData>(_ data: T) throws {
            var writer = JSONWriter()
            try data.encodeJSON(into: &writer)
            let byHand = try #require(try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? NSDictionary)
            let byCodable = try #require(try JSONSerialization.jsonObject(with: JSONEncoder().encode(data)) as? NSDictionary)
            #expect(Self.withoutNulls(byHand) == Self.withoutNulls(byCodable), "\(T.type)")
        }
        var outcome = try Self.cast.outcome()
        try agree(RequestFailed(outcome: outcome))
        outcome.bodies = BodyDigests(
            prompt: String(repeating: "0a", count: 32), completion: String(repeating: "ff", count: 32),
            upstreamRequest: String(repeating: "0b", count: 32), upstreamAnswer: String(repeating: "0c", count: 32))
        (outcome.credential, outcome.providerKey) = (.organization, .mint())
        outcome.attempts[0].providerKey = outcome.providerKey
        (outcome.saved, outcome.usage) = (NanoDollars(7), Cast.usage)
        try agree(Self.cast.authorized())
        try agree(RequestCompleted(outcome: outcome))
        try agree(RequestAbandoned(outcome: outcome, reason: "lease_expired", bound: .zero))
    }

    private static func withoutNulls(_ value: NSObject) -> NSObject {
        if let dictionary = value as? NSDictionary {
            let copy = NSMutableDictionary()
            for (key, member) in dictionary where !(member is NSNull) {
                if let key = key as? NSString, let member = member as? NSObject { copy[key] = withoutNulls(member) }
            }
            return copy
        }
        if let array = value as? NSArray { return NSArray(array: array.compactMap { ($0 as? NSObject).map(withoutNulls) }) }
        return value
    }

    @Test func aLimitThatIsAbsentIsNotOneThatIsTakenAway() throws {
        func text(_ data: some EventData) throws -> String {
            let event = try NewEvent(data, stream: .project(Self.cast.project), expectedVersion: nil, organization: nil)
            return String(decoding: event.data, as: UTF8.self)
        }
        #expect(try text(ProjectUpdated(status: .inactive)) == #"{"status":"inactive"}"#)
        #expect(try text(ProjectUpdated(usageLimit: .cleared)) == #"{"usage_limit":null}"#)
        #expect(try text(ProjectCreated()) == #"{"caching":false,"mode":"credits","usage_limit":null}"#)
    }

    @Test func unknownTypesAndVersionsAreKeptRaw() throws {
        let event = RecordedEvent(
            position: 1, id: .mint(), stream: .credit(Self.cast.organization), streamVersion: 1, type: "credit.gifted",
            schemaVersion: 1, organization: nil, data: Array("{}".utf8), metadata: [], occurredAt: .now, recordedAt: .now,
            hash: [])
        guard case .unknown(let type, 1, let data) = try EventRegistry.standard.decode(event) else {
            Issue.record("the type is known")
            return
        }
        #expect(type == "credit.gifted" && data == Array("{}".utf8))
        var newer = try Self.recorded(Self.cast.grant())
        newer = RecordedEvent(
            position: 1, id: newer.id, stream: newer.stream, streamVersion: 1, type: newer.type, schemaVersion: 9,
            organization: nil, data: newer.data, metadata: [], occurredAt: .now, recordedAt: .now, hash: [])
        guard case .unknown = try EventRegistry.standard.decode(newer) else {
            Issue.record("a newer version was read as an older one")
            return
        }
        #expect(throws: EventError.self) { try newer.decode(CreditGranted.self) }
    }

    /// Version 2 of a type that has a currency; version 1 had none.
    private struct Priced: EventData, Hashable {
        static let type = "test.priced"
        static let schemaVersion: Int32 = 2
        var amount: Int64
        var currency: String

        static func upcast(_ data: [UInt8], from version: Int32) throws(EventError) -> Priced {
            struct Old: Decodable { let amount: Int64 }
            guard let old = try? JSONDecoder().decode(Old.self, from: Data(data)) else {
                throw EventError(.decodingFailed, "not version 1")
            }
            return Priced(amount: old.amount, currency: "USD")
        }
    }

    @Test func anOlderVersionIsUpcast() throws {
        let registry = EventRegistry.standard.adding([Priced.self])
        func read(_ version: Int32, _ text: String) throws -> Priced? {
            let event = RecordedEvent(
                position: 1, id: .mint(), stream: .credit(Self.cast.organization), streamVersion: 1, type: "test.priced",
                schemaVersion: version, organization: nil, data: Array(text.utf8), metadata: [], occurredAt: .now,
                recordedAt: .now, hash: [])
            guard case .known(let data) = try registry.decode(event) else { return nil }
            return data as? Priced
        }
        #expect(try read(1, #"{"amount":5}"#) == Priced(amount: 5, currency: "USD"))
        #expect(try read(2, #"{"amount":5,"currency":"EUR"}"#) == Priced(amount: 5, currency: "EUR"))
        #expect(throws: EventError.self) { try read(2, #"{"amount":5}"#) }
        #expect(try read(3, #"{"amount":5}"#) == nil)
    }

    @Test func badTextIsRefusedWhenTheEventIsBuilt() throws {
        let stream = StreamName.credit(Self.cast.organization)
        func code(_ body: () throws -> Void) -> EventError.Code? {
            do { try body() } catch { return (error as? EventError)?.code }
            return nil
        }
        #expect(
            code {
                _ = try NewEvent(
                    CreditAdjusted(amount: .zero, reason: "a\0"), stream: stream, expectedVersion: nil, organization: nil)
            } == .invalidText)
        #expect(
            code {
                _ = try NewEvent(
                    CreditRefunded(amount: .zero), stream: stream, expectedVersion: nil, organization: nil,
                    metadata: EventMetadata(clientRequestID: "\0"))
            } == .invalidText)
        var outcome = try Self.cast.outcome()
        outcome.upstreamModel = "a\0"
        let request = RequestID.mint()
        #expect(
            code {
                _ = try NewEvent(
                    RequestCompleted(outcome: outcome), stream: .request(request), expectedVersion: 1, organization: nil)
            } == .invalidText)
        #expect(
            code {
                _ = try NewEvent(Self.cast.authorized(), stream: .request(request), expectedVersion: nil, organization: nil)
            } == .invalidEvent)
        let long = String(repeating: "x", count: NewEvent.maximumBytes)
        #expect(
            code {
                _ = try NewEvent(
                    CreditAdjusted(amount: .zero, reason: long), stream: stream, expectedVersion: nil, organization: nil)
            } == .tooLarge)
    }

    @Test func aCommandHasItsBounds() throws {
        let event = try Self.cast.grant()
        #expect(throws: EventError.self) { try Command([]) }
        #expect(throws: EventError.self) { try Command(Array(repeating: event, count: 129)) }
        #expect(try Command(Array(repeating: event, count: 128)).events.count == 128)
        let large = try NewEvent(
            CreditAdjusted(amount: .zero, reason: String(repeating: "x", count: 250_000)),
            stream: .credit(Self.cast.organization), expectedVersion: nil, organization: nil)
        #expect(throws: EventError.self) { try Command(Array(repeating: large, count: 5)) }
    }
}
