import Foundation
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite struct ErasureTests {
    @Test func whatWasWrittenInTheMeantimeGoesTooAndOthersKeepTheirs() async throws {
        try await withLedgerDatabase { database in
            try await withClient(database.service) { client in
                let (gone, stays) = (Cast(), Cast())
                var requests: [RequestID] = []
                let store = PayloadStore(client)
                func write(_ event: NewEvent, _ request: RequestID) async throws {
                    try await store.put(request: request, kind: "prompt", body: [1], sealed: PayloadStore.seal([1]))
                    _ = try await client.query(
                        "SELECT ledger.put_annotations($1, ARRAY['client'], ARRAY['{}'::jsonb])", [.uuidArray([event.id.uuid])])
                }
                try await withAppender(database.service) { appender in
                    for cast in [gone, stays] {
                        let request = RequestID.mint()
                        let event = try cast.authorization(of: request)
                        _ = try await appender.append(Command(event))
                        try await write(event, request)
                        requests.append(request)
                    }
                }
                func left() async throws -> [Int64] {
                    let row = try await client.query(
                        """
                        SELECT (SELECT count(*) FROM ledger.payloads WHERE request = $1),
                            (SELECT count(*) FROM ledger.payloads WHERE request = $2),
                            (SELECT count(*) FROM ledger.annotations),
                            (SELECT count(*) FROM ledger.erasures WHERE ended_at IS NULL)
                        """, requests.map { .uuid($0.uuid) })[0]
                    return try (0..<4).map { try row.decode($0, as: Int64.self) }
                }
                #expect(try await left() == [1, 1, 2, 0])

                let erasure = Erasure(client: client, logger: quietLogger)
                try await erasure.request(organization: gone.organization)
                #expect(try await erasure.pass() == 1)
                #expect(try await left() == [0, 1, 1, 1])
                // Not again before its requests have ended.
                #expect(try await erasure.pass() == 0)
                // A request that was under way has written since.
                try await store.put(request: requests[0], kind: "completion", body: [1], sealed: PayloadStore.seal([1]))
                #expect(try await left() == [1, 1, 1, 1])
                #expect(try await Erasure(client: client, settled: 0, logger: quietLogger).pass() == 1)
                #expect(try await left() == [0, 1, 1, 0])
                #expect(try await Erasure(client: client, settled: 0, logger: quietLogger).pass() == 0)
            }
        }
    }
}
