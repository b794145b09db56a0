/// The statements that one connection has prepared, by SQL text and parameter types; the least recently used one goes first.
struct StatementCache {
    /// One prepared statement of the server's session.
    final class Prepared {
        let name: String
        let sql: String
        let types: [UInt32]
        var lastUse: UInt64

        init(name: String, sql: String, types: [UInt32], lastUse: UInt64) {
            self.name = name
            self.sql = sql
            self.types = types
            self.lastUse = lastUse
        }

        /// A NULL has no type of its own and fits every parameter.
        func accepts(_ given: [UInt32]) -> Bool {
            guard types.count == given.count else { return false }
            for index in types.indices where given[index] != types[index] && given[index] != 0 { return false }
            return true
        }
    }

    private let limit: Int
    private var entries: [String: [Prepared]] = [:]
    private var count = 0
    private var uses: UInt64 = 0
    private var names: UInt64 = 0
    /// Names that the server still holds although the cache has dropped them.
    private(set) var dropped: [String] = []

    init(limit: Int) { self.limit = max(1, limit) }

    mutating func find(_ sql: String, types: [UInt32]) -> Prepared? {
        guard let prepared = entries[sql]?.first(where: { $0.accepts(types) }) else { return nil }
        uses += 1
        prepared.lastUse = uses
        return prepared
    }

    /// Enters a statement that is about to be prepared.
    mutating func insert(_ sql: String, types: [UInt32]) -> Prepared {
        uses += 1
        names += 1
        let prepared = Prepared(name: "s\(names)", sql: sql, types: types, lastUse: uses)
        entries[sql, default: []].append(prepared)
        count += 1
        if count > limit, let oldest = entries.values.joined().min(by: { $0.lastUse < $1.lastUse }) {
            remove(oldest, isOnServer: true)
        }
        return prepared
    }

    mutating func remove(_ prepared: Prepared, isOnServer: Bool) {
        guard var variants = entries[prepared.sql], let index = variants.firstIndex(where: { $0 === prepared }) else { return }
        variants.remove(at: index)
        entries[prepared.sql] = variants.isEmpty ? nil : variants
        count -= 1
        if isOnServer { dropped.append(prepared.name) }
    }

    /// The statement that rids the server of what was dropped, once there is enough of it to be worth a round trip.
    mutating func takeDeallocation() -> String? {
        guard dropped.count >= 16 else { return nil }
        defer { dropped.removeAll() }
        return dropped.map { "DEALLOCATE \($0)" }.joined(separator: ";")
    }
}
