internal import Catalogue
internal import FoundationEssentials
internal import Ledger
internal import Postgres

/// Records in the ledger what models cost at providers, and each price that is another one since.
struct PriceRecorder: Sendable {
    let appender: Appender
    let postgres: PostgresClient

    /// Makes the ledger say what everything costs in `catalogue`, whether that changed while a process ran or while none did. However
    /// many processes do so, it is recorded once.
    func record(_ catalogue: Catalogue) async throws {
        var seen: Set<StreamName> = []
        let mappings = catalogue.mappingPrices.map { CataloguePriced.Mapping($0) }
            .filter { seen.insert($0.changes).inserted }
        while true {
            let (known, version) = try await recorded()
            for mapping in mappings {
                guard let previous = known[mapping.changes], previous != mapping.prices else { continue }
                try await record(CataloguePriceChanged(mapping, catalogueVersion: catalogue.version, previous: previous))
            }
            let new = mappings.filter { known[$0.changes] == nil }
            let events = CataloguePriced.events(catalogueVersion: catalogue.version, mappings: new)
            if try await append(events, after: version) { return }
        }
    }

    /// The newest prices in the ledger by the stream of their changes, and how many events gave first ones.
    private func recorded() async throws -> (prices: [StreamName: [String: String]], version: Int64) {
        var prices: [StreamName: [String: String]] = [:]
        var version: Int64 = 0
        let decoder = JSONDecoder()
        let first = try await postgres.query(
            """
            SELECT data, stream_version FROM ledger.events WHERE stream_kind = 'catalogue' AND stream_id = $1
            ORDER BY stream_version
            """, [.uuid(CataloguePriced.stream.id)])
        for row in first {
            let priced = try decoder.decode(CataloguePriced.self, from: Data(try row.decode(0, as: [UInt8].self)))
            for mapping in priced.mappings { prices[mapping.changes] = mapping.prices }
            version = try row.decode(1)
        }
        let newest = try await postgres.query(
            """
            SELECT DISTINCT ON (stream_id) data FROM ledger.events WHERE stream_kind = 'catalogue' AND stream_id <> $1
            ORDER BY stream_id, stream_version DESC
            """, [.uuid(CataloguePriced.stream.id)])
        for row in newest {
            let last = try decoder.decode(CataloguePriceChanged.self, from: Data(try row.decode(0, as: [UInt8].self)))
            prices[last.stream] = last.prices
        }
        return (prices, version)
    }

    /// - Returns: Whether they are in the ledger; if not, another process was first, and what is recorded must be read again.
    private func append(_ events: [CataloguePriced], after version: Int64) async throws -> Bool {
        for (index, priced) in events.enumerated() {
            let event = try NewEvent(
                priced, stream: CataloguePriced.stream, expectedVersion: version + Int64(index), organization: nil,
                metadata: EventMetadata(source: "catalogue"))
            guard try await appender.append(Command(event)).position != nil else { return false }
        }
        return true
    }

    /// Whoever finds the change recorded leaves it.
    private func record(_ change: CataloguePriceChanged) async throws {
        let stream = change.stream
        while true {
            let row = try await postgres.query(
                """
                SELECT stream_version, data -> 'prices' = $2::jsonb FROM ledger.events
                WHERE stream_kind = 'catalogue' AND stream_id = $1 ORDER BY stream_version DESC LIMIT 1
                """, [.uuid(stream.id), .jsonb(Array(try JSONEncoder().encode(change.prices)))]
            ).first
            if try row?.decode(1, as: Bool.self) == true { return }
            let event = try NewEvent(
                change, stream: stream, expectedVersion: try row?.decode(0) ?? 0, organization: nil,
                metadata: EventMetadata(source: "catalogue"))
            if try await appender.append(Command(event)).position != nil { return }
        }
    }
}

extension CataloguePriced.Mapping {
    fileprivate init(_ prices: MappingPrices) {
        self.init(
            model: prices.model, provider: prices.provider, upstreamModel: prices.upstreamModel, prices: prices.fields)
    }
}
