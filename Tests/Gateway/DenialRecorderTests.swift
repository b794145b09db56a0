import Admission
import Dialects
import Ledger
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// What the ledger hears of refusals.
@Suite struct DenialRecorderTests {
    private static let address = KeyAddress(organization: .mint(), project: .mint(), key: .mint())
    /// The first microsecond of a minute.
    private static let minute: Int64 = 29_000_000

    /// What was appended.
    private final class Book: Sendable {
        let events = Mutex<[NewEvent]>([])

        func denials() throws -> [RequestDenied] {
            try events.withLock { $0 }.map { try RequestDenied.decode($0.data, schemaVersion: $0.schemaVersion) }
        }

        func metadata() -> [String] { events.withLock { $0 }.map { String(decoding: $0.metadata, as: UTF8.self) } }
    }

    /// The time that a recorder goes by.
    private final class Clock: Sendable {
        let time = Mutex(Timestamp(microseconds: 0))
    }

    private let book = Book()
    private let clock = Clock()
    private let recorder: DenialRecorder

    init() {
        let (book, clock) = (book, clock)
        recorder = DenialRecorder(logger: LedgerDatabase.quiet, now: { clock.time.withLock { $0 } }) { event in
            book.events.withLock { $0.append(event) }
        }
    }

    private static func refusal(_ status: Int, _ code: String, scope: String? = nil, reason: String? = nil) -> GatewayError {
        GatewayError(APIError(status: status, message: "No.", code: code), scope: scope, reason: reason)
    }

    private func record(
        _ error: GatewayError, model: String? = "m", address: KeyAddress = Self.address, request: RequestID = .mint(),
        client: String? = nil, second: Int64, came: Int64? = nil
    ) async {
        func time(_ second: Int64) -> Timestamp { Timestamp(microseconds: (Self.minute * 60 + second) * 1_000_000) }
        clock.time.withLock { $0 = time(second) }
        await recorder.record(
            error, model: model, address: address, request: request, metadata: EventMetadata(clientRequestID: client),
            at: time(came ?? second))
    }

    @Test func theFirstOfAMinuteIsRecordedAtOnceAndTheRestAsACountWhenItEnds() async throws {
        let error = Self.refusal(402, "usage_limit_reached", scope: "api_key", reason: "key_limit")
        for second: Int64 in [1, 2, 2, 59] { await record(error, second: second) }
        #expect(try book.denials().map(\.count) == [1])
        await recorder.flush(before: Self.minute)
        #expect(try book.denials().map(\.count) == [1])
        // The next minute has a first of its own.
        await record(error, second: 60)
        await recorder.flush(before: Self.minute + 1)
        #expect(try book.denials().map(\.count) == [1, 1, 3])
        for denial in try book.denials() {
            #expect(denial.reason == "key_limit" && denial.scope == "api_key" && denial.status == 402 && denial.model == "m")
        }
        let times = book.events.withLock { $0.map(\.occurredAt.microseconds) }
        #expect(times[2] == (Self.minute + 1) * 60_000_000 - 1)
        await recorder.flush(before: .max)
        #expect(try book.denials().count == 3)
    }

    /// A body may be read for minutes before what is in it is refused, when the count of the minute in which it came is written.
    @Test func aRequestThatCameLongAgoCountsWhereItIsRefused() async throws {
        let error = Self.refusal(408, "request_timeout")
        for second: Int64 in [125, 130, 135, 140] {
            await record(error, second: second, came: second - 120)
            await recorder.flush(before: Self.minute + second / 60)
        }
        #expect(try book.denials().map(\.count) == [1])
        await recorder.flush(before: .max)
        #expect(try book.denials().map(\.count) == [1, 3])
        let times = book.events.withLock { $0.map(\.occurredAt.microseconds) }
        #expect(times == [(Self.minute * 60 + 5) * 1_000_000, (Self.minute + 3) * 60_000_000 - 1])
    }

    @Test func limitsOfDifferentScopesAreCountedApart() async throws {
        let key = Self.refusal(402, "usage_limit_reached", scope: "api_key", reason: "key_limit")
        let project = Self.refusal(402, "usage_limit_reached", scope: "project", reason: "project_limit")
        let rules = [Self.refusal(403, "permission_denied", scope: "member"), Self.refusal(403, "permission_denied")]
        for error in [key, project] + rules {
            for second: Int64 in 1...2 { await record(error, second: second) }
        }
        await record(key, address: KeyAddress(organization: .mint(), project: .mint(), key: .mint()), second: 3)
        await recorder.flush(before: .max)
        let denials = try book.denials()
        #expect(denials.count == 9 && denials.allSatisfy { $0.count == 1 })
        let reasons = Dictionary(grouping: denials) { "\($0.reason) \($0.scope ?? "-")" }.mapValues(\.count)
        #expect(
            reasons == [
                "key_limit api_key": 3, "project_limit project": 2, "permission_denied member": 2, "permission_denied -": 2,
            ])
    }

    @Test func aCountSaysAModelOnlyWhereItIsThatOfAll() async throws {
        let (one, other) = (Self.refusal(402, "billing_error"), Self.refusal(400, "invalid_parameters"))
        for model in ["a", "b", "b"] { await record(one, model: model, second: 1) }
        for model in ["a", "a", "b", "a", nil] { await record(other, model: model, second: 1) }
        await recorder.flush(before: .max)
        let counts = try book.denials().filter { $0.count > 1 }.sorted { $0.status > $1.status }
        #expect(counts.map(\.model) == ["b", nil] && counts.map(\.count) == [2, 4])
    }

    @Test func theFirstIsFoundByTheIdsThatItsClientKnows() async throws {
        let (first, second) = (RequestID.mint(), RequestID.mint())
        let error = Self.refusal(429, "rate_limit_exceeded", scope: "api_key", reason: "requests_per_minute")
        await record(error, request: first, client: "client-7", second: 1)
        await record(error, request: second, client: "client-8", second: 2)
        await recorder.flush(before: .max)
        let streams = book.events.withLock { $0.map(\.stream) }
        #expect(streams[0] == .request(first))
        #expect(streams.count == 2 && streams[1] != .request(first) && streams[1] != .request(second))
        #expect(book.metadata() == [#"{"client_request_id":"client-7"}"#, "{}"])
    }

    /// Version 1 of its stream is what gives the hold back.
    @Test func aRequestThatMayHoldKeepsItsStream() async throws {
        let request = RequestID.mint()
        var error = Self.refusal(429, "rate_limit_exceeded", scope: "organization", reason: "free_limit")
        error.mayHold = true
        await record(error, request: request, client: "client-7", second: 1)
        #expect(book.events.withLock { $0.map(\.stream) } != [.request(request)])
        #expect(book.metadata() == [#"{"client_request_id":"client-7"}"#])
    }

    @Test func theRecordSaysWhichLimitItWas() {
        #expect(Self.refusal(429, "rate_limit_exceeded", reason: "tokens_per_minute").reason == "tokens_per_minute")
        #expect(GatewayError.tooLarge(limit: 1).reason == "request_too_large")
    }
}
