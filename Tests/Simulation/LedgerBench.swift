import Crypto
import Foundation
import JSON
import Postgres
import Simulation
import TestSupport

@testable import Ledger

extension LedgerModel {
    /// What a ledger holds already.
    init(of reader: LedgerReader, mutation: Mutation? = nil) async throws {
        self.init(mutation: mutation)
        for event in try await reader.events() {
            _ = append([
                Command(
                    try NewEvent(
                        id: event.id, stream: event.stream, expectedVersion: event.streamVersion - 1, type: event.type,
                        schemaVersion: event.schemaVersion, organization: event.organization, data: event.data,
                        metadata: event.metadata, occurredAt: event.occurredAt, epoch: nil))
            ])
        }
    }
}

/// Postgres and the model side by side.
struct LedgerBench {
    private let session: any AppendSession
    private let reader: LedgerReader
    private let client: PostgresClient
    private(set) var model: LedgerModel
    /// The hash of the newest event, computed from what was sent, and when Postgres says that it was recorded: the one thing that the
    /// model can't know.
    private var chain: [UInt8]
    private var recorded: Timestamp

    struct NoLedger: Error {}

    init(_ database: LedgerDatabase, mutation: Mutation? = nil) async throws {
        session = try await PostgresAppendServer(database.service, logger: database.logger).connect()
        client = database.client
        reader = LedgerReader(client)
        model = try await LedgerModel(of: reader, mutation: mutation)
        guard let head = try await reader.head() else { throw NoLedger() }
        chain = head.hash
        recorded = head.recordedAt
    }

    /// - Returns: the first difference, or nil.
    mutating func run(seed: UInt64) async throws -> String? {
        var sequence = CommandSequence(seed: seed, model: model)
        for call in 0..<12 {
            let commands = try sequence.batch(model)
            let before = model.head
            let expected = model.append(commands)
            let results = try await session.append(commands)
            guard results == expected else {
                return "call \(call) was answered with \(String(describing: results)), the model says \(expected)"
            }
            if let difference = try compare(try await reader.events(after: before), model.events[Int(before)...]) {
                return "call \(call): \(difference)"
            }
            let ids = [sequence.organization.uuid, .zero]
            let own = try await epochs("WHERE organization = ANY ($1)", [.uuidArray(ids)])
            let due = model.epochs.filter { ids.contains($0.key) }
            guard own == due else { return "call \(call) left the epochs \(own), the model has \(due)" }
        }
        let all = try await epochs("", [])
        return all == model.epochs ? nil : "the epochs are \(all), the model has \(model.epochs)"
    }

    private func epochs(_ condition: String, _ values: [PostgresValue]) async throws -> [UUID: Int64] {
        var epochs: [UUID: Int64] = [:]
        for row in try await client.query("SELECT organization, epoch FROM ledger.epochs \(condition)", values) {
            epochs[try row.decode(0)] = try row.decode(1)
        }
        return epochs
    }

    /// Whether events are, column by column, what was sent, and are chained as schema/README.md says.
    private mutating func compare(_ written: [RecordedEvent], _ own: ArraySlice<LedgerModel.Stored>) throws -> String? {
        guard written.count == own.count else {
            return "\(written.map(\.type)) were written, the model has \(own.map(\.event.type))"
        }
        for (event, stored) in zip(written, own) {
            guard event.recordedAt > recorded else { return "\(event.position) was not recorded after the one before" }
            recorded = event.recordedAt
            let expected = try expected(stored)
            guard event == expected else { return "\(Self.text(event)) was written, the model has \(Self.text(expected))" }
        }
        return nil
    }

    private mutating func expected(_ stored: LedgerModel.Stored) throws -> RecordedEvent {
        let event = stored.event
        let data = Array(try JSONValue(event.data).jsonbText.utf8)
        let metadata = Array(try JSONValue(event.metadata).jsonbText.utf8)
        let record = ChainRecord.bytes(
            position: stored.position, id: event.id.uuid, streamKind: event.stream.kind.rawValue, streamID: event.stream.id,
            streamVersion: stored.version, type: event.type, schemaVersion: Int64(event.schemaVersion),
            organization: event.organization?.uuid, data: data, metadata: metadata, occurredAt: event.occurredAt.microseconds,
            recordedAt: recorded.microseconds)
        chain = Array(SHA256.hash(data: chain + Array(SHA256.hash(data: record))))
        return RecordedEvent(
            position: stored.position, id: event.id, stream: event.stream, streamVersion: stored.version, type: event.type,
            schemaVersion: event.schemaVersion, organization: event.organization, data: data, metadata: metadata,
            occurredAt: event.occurredAt, recordedAt: recorded, hash: chain)
    }

    private static func text(_ event: RecordedEvent) -> String {
        """
        \(event.position) \(event.id) \(event.stream) \(event.streamVersion) \(event.type) \(event.schemaVersion) \
        \(event.organization.map { "\($0)" } ?? "-") \(String(decoding: event.data, as: UTF8.self)) \
        \(String(decoding: event.metadata, as: UTF8.self)) \(event.occurredAt.microseconds) \(Hexadecimal.encode(event.hash))
        """
    }
}
