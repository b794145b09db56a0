internal import Catalogue
internal import FoundationEssentials
internal import Ledger
internal import Logging
internal import Postgres

/// Loads the catalogue again when one of its files changed, and records the prices that changed.
struct CatalogueWatcher: Sendable {
    let catalogue: LiveCatalogue
    /// The files, those of a folder as they are now.
    let paths: @Sendable () throws(CatalogueError) -> [String]
    let appender: Appender
    let postgres: PostgresClient
    let logger: Logger

    private static let interval: Duration = .seconds(2)

    /// Runs until cancelled.
    func run() async {
        // Nothing is seen yet: a file may have changed since the process loaded it.
        var seen: [String] = []
        var unrecorded: [CataloguePriceChanged] = []
        var knowsRecorded = false
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            if !knowsRecorded, let changes = try? await changedSinceRecorded() {
                unrecorded += changes
                knowsRecorded = true
            }
            let now = stamp()
            if now != seen {
                seen = now
                unrecorded += reload()
            }
            while let change = unrecorded.first {
                do {
                    try await record(change)
                    unrecorded.removeFirst()
                } catch {
                    logger.warning("a price that changed is not recorded yet", metadata: ["error": "\(error)"])
                    break
                }
            }
        }
    }

    /// What changed while no process ran, of prices that have changed before: the newest event says what they were.
    private func changedSinceRecorded() async throws -> [CataloguePriceChanged] {
        let current = catalogue.current
        let rows = try await postgres.query(
            """
            SELECT DISTINCT ON (stream_id) data FROM ledger.events WHERE stream_kind = 'catalogue'
            ORDER BY stream_id, stream_version DESC
            """)
        var recorded: [StreamName: [String: String]] = [:]
        for row in rows {
            let last = try JSONDecoder().decode(
                CataloguePriceChanged.self, from: Data(try row.decode(0, as: [UInt8].self)))
            recorded[last.stream] = last.prices
        }
        return current.mappingPrices.compactMap { now in
            var change = Self.change(from: [:], to: now, version: current.version)
            guard let last = recorded[change.stream], last != now.fields else { return nil }
            change.previous = last
            return change
        }
    }

    private func reload() -> [CataloguePriceChanged] {
        do throws(CatalogueError) {
            let (before, now) = try catalogue.reload()
            let changes = before.differences(to: now)
            guard !changes.isEmpty else { return [] }
            logger.notice(
                "the catalogue was loaded again", metadata: ["version": "\(now.version)", "changes": "\(changes.count)"])
            for warning in now.warnings { logger.warning("\(warning)") }
            return before.priceChanges(to: now).map { change in
                Self.change(from: change.before.fields, to: change.now, version: now.version)
            }
        } catch {
            logger.error("the catalogue can't be used and stays as it was", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Once, however many processes see the same change: whoever finds it recorded leaves it.
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

    private static func change(
        from previous: [String: String], to prices: MappingPrices, version: String
    ) -> CataloguePriceChanged {
        CataloguePriceChanged(
            model: prices.model, provider: prices.provider, upstreamModel: prices.upstreamModel, catalogueVersion: version,
            prices: prices.fields, previous: previous)
    }

    /// What tells one state of the files from another.
    private func stamp() -> [String] {
        guard let paths = try? paths() else { return [] }
        return paths.map { path in
            let attributes = (try? FileManager.default.attributesOfItem(atPath: path)) ?? [:]
            let parts = [FileAttributeKey.modificationDate, .size, .systemFileNumber].map { "\(attributes[$0] ?? "")" }
            return "\(path) \(parts.joined(separator: " "))"
        }
    }
}
