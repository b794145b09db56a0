/// Two versions of a projection's tables at the same position.
public struct Comparison: Sendable, Hashable, Codable {
    /// The digests of one schema: SHA-256, lower-case hexadecimal.
    public struct Digest: Sendable, Hashable, Codable {
        public var schema: String
        /// By table: SHA-256 of its rows as COPY writes them, in the order of the primary key (COLLATE "C").
        public var tables: [String: String]
        /// SHA-256 over the tables' names and digests.
        public var total: String
    }

    public var name: String
    public var position: Int64
    public var live: Digest
    public var replayed: Digest
    public var equal: Bool { live.total == replayed.total }
}
