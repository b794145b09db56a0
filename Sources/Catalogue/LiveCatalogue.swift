internal import Synchronization

/// The catalogue that a running process uses: it can be loaded again, and a request that has begun keeps what it began with.
public final class LiveCatalogue: Sendable {
    private let state: Mutex<Catalogue>
    private let load: @Sendable () throws(CatalogueError) -> Catalogue

    /// - Parameter load: Loads it, now and each time it is loaded again.
    public init(_ load: @escaping @Sendable () throws(CatalogueError) -> Catalogue) throws(CatalogueError) {
        self.load = load
        state = Mutex(try load())
    }

    /// What holds for a request that comes now.
    public var current: Catalogue { state.withLock { $0 } }

    /// Loads it again.
    ///
    /// - Returns: What held before, and what holds from now on; equal where nothing changed.
    /// - Throws: What is wrong with it; everything then stays as it was.
    public func reload() throws(CatalogueError) -> (before: Catalogue, now: Catalogue) {
        let loaded = try load()
        let before = state.withLock { current in
            defer { current = loaded }
            return current
        }
        return (before, loaded)
    }
}
