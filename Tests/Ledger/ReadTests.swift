import Crypto
import Foundation
import Money
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite struct ReadTests {
    private struct Sample: Sendable {
        let database: LedgerDatabase
        let client: PostgresClient
        let reader: LedgerReader
        let cast: Cast
        let request: RequestID

        /// Positions 3 and 4: a request, 5: credit, 6: a grant of another organization, 7: a denial with a client's id.
        static func with(_ body: (Sample) async throws -> Void) async throws {
            try await withLedgerDatabase { database in
                let cast = Cast()
                let other = Cast()
                let request = RequestID.mint()
                try await withAppender(database.service) { appender in
                    let denied = try NewEvent(
                        RequestDenied(
                            project: cast.project, apiKey: cast.key, reason: "balance", scope: "organization", model: nil,
                            status: 402), stream: .request(.mint()), expectedVersion: 0, organization: cast.organization,
                        metadata: EventMetadata(clientRequestID: "it's \"mine\"", trace: "00-1"),
                        occurredAt: Timestamp(microseconds: 1_000_000))
                    for event in try [
                        cast.authorization(of: request), cast.completion(of: request), cast.grant(), other.grant(), denied,
                    ] { _ = try await appender.append(Command(event)) }
                }
                try await withClient(database.service) { client in
                    try await body(
                        Sample(
                            database: database, client: client, reader: LedgerReader(client), cast: cast, request: request))
                }
            }
        }

        func positions(_ filter: EventFilter, after: Int64 = 0, limit: Int = 1000) async throws -> [Int64] {
            try await reader.events(after: after, limit: limit, filter: filter).map(\.position)
        }

        func exported(_ filter: EventFilter = .all, after: Int64 = 0) async throws -> [[String: NSObject]] {
            let text = Shared<[UInt8]>([])
            let count = try await Exporter(configuration: database.service, logger: quietLogger).run(after: after, filter: filter)
            {
                lines in text.change { $0 += lines }
            }
            let lines = text.value.split(separator: 0x0A)
            #expect(lines.count == count + 1)
            return try lines.map { try JSONSerialization.jsonObject(with: Data($0)) as? [String: NSObject] ?? [:] }
        }
    }

    private static func filters(_ sample: Sample, _ third: Timestamp) -> [(EventFilter, [Int64])] {
        [
            (.all, [1, 2, 3, 4, 5, 6, 7]),
            (EventFilter(stream: .request(sample.request)), [3, 4]),
            (EventFilter(streamKind: .credit), [5, 6]),
            (EventFilter(types: ["credit.granted", "request.denied"]), [5, 6, 7]),
            (EventFilter(types: [#"a"b\,{"#]), []),
            (EventFilter(organization: sample.cast.organization), [3, 4, 5, 7]),
            (EventFilter(organization: sample.cast.organization, upTo: 4), [3, 4]),
            (EventFilter(recordedUntil: third), [1, 2, 3]),
            (EventFilter(recordedFrom: third), [3, 4, 5, 6, 7]),
            (EventFilter(occurredUntil: Timestamp(microseconds: 1_000_000)), [7]),
            (EventFilter(occurredFrom: Timestamp(microseconds: 1_000_001)), [1, 2, 3, 4, 5, 6]),
            (EventFilter(clientRequestID: "it's \"mine\""), [7]),
            (EventFilter(clientRequestID: "it's"), []),
        ]
    }

    @Test func filtersSelect() async throws {
        try await Sample.with { sample in
            let third = try #require(try await sample.reader.event(at: 3)).recordedAt
            for (filter, expected) in Self.filters(sample, third) {
                let read = try await sample.positions(filter)
                #expect(read == expected, "\(filter)")
                let exported = try await sample.exported(filter).dropFirst().map { ($0["position"] as? NSNumber)?.int64Value }
                #expect(exported == expected.map(Optional.some), "exported: \(filter)")
            }
            let page = try await sample.positions(.all, after: 2, limit: 2)
            #expect(page == [3, 4])
        }
    }

    @Test func anEventIsReadWithAllThatItIs() async throws {
        try await Sample.with { sample in
            let event = try #require(try await sample.reader.stream(.request(sample.request)).last)
            #expect(event.position == 4 && event.streamVersion == 2 && event.organization == sample.cast.organization)
            #expect(event.type == "request.completed" && event.schemaVersion == 1 && event.hash.count == 32)
            #expect(event.recordedAt > event.occurredAt.advanced(by: .seconds(-60)))
            let outcome = try event.decode(RequestCompleted.self).outcome
            #expect(outcome.project == sample.cast.project && outcome.price.lines.count == 2)
            let head = try #require(try await sample.reader.head())
            #expect(head.position == 7)
            let ledger = try await sample.reader.ledgerID()
            #expect(ledger == sample.database.ledger)
            let after = try await sample.reader.stream(.request(sample.request), afterVersion: 1)
            #expect(after.map(\.position) == [4])
            let none = try await sample.reader.event(at: 8)
            #expect(none == nil)
        }
    }

    /// Whoever has the export alone can recompute the chain, by what schema/README.md says.
    @Test func anExportProvesItself() async throws {
        try await Sample.with { sample in
            let lines = try await sample.exported()
            let header = lines[0]
            #expect(header["format"] == NSString("llmgateway ledger 1") && header["filtered"] == NSNumber(false))
            var hash = try #require(Hexadecimal.decode(header["previous"] as? String ?? ""))
            #expect(hash == Array(EventDigest.genesis(ledger: sample.database.ledger)))
            for line in lines.dropFirst() {
                let leaf = SHA256.hash(data: try Self.record(line))
                hash = Array(EventDigest.chain(hash, leaf))
                #expect(Hexadecimal.encode(hash) == line["hash"] as? String)
            }
            let head = try await sample.reader.head()
            #expect(head?.hash == hash)
            let tail = try await sample.exported(after: 5)
            #expect(tail[0]["previous"] == lines[5]["hash"])
        }
    }

    /// The bytes of a row from a line of an export.
    private static func record(_ line: [String: NSObject]) throws -> [UInt8] {
        func number(_ name: String) throws -> Int64 { try #require(line[name] as? NSNumber).int64Value }
        func text(_ name: String) throws -> String { try #require(line[name] as? String) }
        func uuid(_ name: String) throws -> UUID { try #require(UUID(uuidString: try text(name))) }
        return ChainRecord.bytes(
            position: try number("position"), id: try uuid("id"), streamKind: try text("stream_kind"),
            streamID: try uuid("stream_id"), streamVersion: try number("stream_version"), type: try text("type"),
            schemaVersion: try number("schema_version"),
            organization: line["organization"] is String ? try uuid("organization") : nil, data: Array(try text("data").utf8),
            metadata: Array(try text("metadata").utf8), occurredAt: try number("occurred_at"),
            recordedAt: try number("recorded_at"))
    }
}

@Suite struct SignalTests {
    @Test(.timeLimit(.minutes(1))) func whoWaitsIsWoken() async throws {
        let signal = LedgerSignal()
        await withTaskGroup(of: Int64.self) { group in
            for position in 0..<100 { group.addTask { await signal.wait(beyond: Int64(position), atMost: .seconds(30)) } }
            for position in stride(from: Int64(10), through: 100, by: 10) { signal.signal(position) }
            for await woken in group { #expect(woken > 0) }
        }
        #expect(await signal.wait(beyond: 99, atMost: .seconds(30)) == 100, "what is known needs no waiting")
        #expect(await signal.wait(beyond: 100, atMost: .milliseconds(5)) == 100, "the time is over")
        let cancelled = Task { await signal.wait(beyond: 100, atMost: .seconds(30)) }
        cancelled.cancel()
        #expect(await cancelled.value == 100)
        signal.signal(50)
        #expect(signal.position == 100)
    }

    @Test(.timeLimit(.minutes(1))) func whoWaitsForAChangeIsNotWokenByRequests() async throws {
        let signal = LedgerSignal()
        signal.signal(10)
        let waiter = Task { await signal.wait(beyond: 10, atMost: .seconds(30), forChange: true) }
        signal.signal(20, hasChanges: false)
        #expect(await signal.wait(beyond: 10, atMost: .milliseconds(5), forChange: true) == 20, "the time is over")
        #expect(signal.changePosition == 10)
        // Another process committed it before, and is heard later.
        signal.signalFromElsewhere(15)
        #expect(await waiter.value == 20)
        #expect(signal.changePosition == 15)
        #expect(signal.ownChangePosition == 10)
    }

    @Test func aNoticeSaysWhetherThereAreChanges() {
        for notice in [Notice(position: 7, hasChanges: true), Notice(position: 8, hasChanges: false)] {
            #expect(Notice(notice.payload) == notice)
        }
        #expect(Notice("9")?.hasChanges == true)
        for text in ["", " requests", "x requests", "9 requests "] { #expect(Notice(text) == nil) }
    }

    @Test(.timeLimit(.minutes(2))) func aSignalReachesAnotherProcess() async throws {
        try await withTestDatabase { url in
            let configuration = try PostgresConfiguration(url: url)
            let (here, there) = (LedgerSignal(), LedgerSignal())
            let bridges = [here, there].map { signal in
                Task { await LedgerSignalBridge(signal: signal, configuration: configuration, logger: quietLogger).run() }
            }
            // A notification before the other side listens is lost, as it may be.
            var position: Int64 = 0
            while there.position == 0 {
                position += 1
                here.signal(position)
                await there.wait(beyond: 0, atMost: .milliseconds(50))
            }
            there.signal(1_000_000)
            while here.position < 1_000_000 { await here.wait(beyond: position, atMost: .milliseconds(50)) }
            #expect(here.ownPosition == position, "what came from elsewhere is not told again")
            there.signal(1_000_001, hasChanges: false)
            while here.position < 1_000_001 { await here.wait(beyond: 1_000_000, atMost: .milliseconds(50)) }
            #expect(here.changePosition == 1_000_000, "requests alone are told as such")
            for bridge in bridges {
                bridge.cancel()
                await bridge.value
            }
        }
    }
}
