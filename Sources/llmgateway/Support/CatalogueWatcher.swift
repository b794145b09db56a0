internal import Catalogue
internal import FoundationEssentials
internal import Logging

/// Loads the catalogue again when one of its files changed, and has its prices recorded.
struct CatalogueWatcher: Sendable {
    let catalogue: LiveCatalogue
    /// The files, those of a folder as they are now.
    let paths: @Sendable () throws(CatalogueError) -> [String]
    let recorder: PriceRecorder
    let logger: Logger

    private static let interval: Duration = .seconds(2)

    /// Runs until cancelled.
    func run() async {
        // Nothing is seen yet: a file may have changed since the process loaded it.
        var seen: [String]?
        var isRecorded = false
        while !Task.isCancelled {
            let now = stamp()
            if now != seen {
                seen = now
                reload()
                isRecorded = false
            }
            if !isRecorded {
                do {
                    try await recorder.record(catalogue.current)
                    isRecorded = true
                } catch {
                    logger.warning("prices are not recorded yet", metadata: ["error": "\(error)"])
                }
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func reload() {
        do throws(CatalogueError) {
            let (before, now) = try catalogue.reload()
            let changes = before.differences(to: now)
            guard !changes.isEmpty else { return }
            logger.notice(
                "the catalogue was loaded again", metadata: ["version": "\(now.version)", "changes": "\(changes.count)"])
            for warning in now.warnings { logger.warning("\(warning)") }
        } catch {
            logger.error("the catalogue can't be used and stays as it was", metadata: ["error": "\(error)"])
        }
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
