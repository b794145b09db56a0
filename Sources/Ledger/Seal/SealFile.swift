public import struct FoundationEssentials.UUID

/// The seals of one ledger: a file in a folder outside the database, one JSON object a line, only ever appended to.
public struct SealFile: Sendable {
    /// A line that is not a seal; only a torn last line is overlooked.
    public struct Malformed: Error, CustomStringConvertible {
        public let path: String
        public let line: Int
        public var description: String { "\(path), line \(line): not a seal" }
    }

    public let folder: String
    public let ledger: UUID
    public let path: String
    private static let suffix = ".seals"
    private static let blocking = Blocking("llmgateway.seals")

    /// The file `LEDGER.seals` in the folder.
    public init(folder: String, ledger: UUID) {
        self.folder = folder
        self.ledger = ledger
        path = "\(folder)/\(ledger.lowercase)\(Self.suffix)"
    }

    /// The files of all ledgers that have seals in the folder, in the order of their names; none when there is no folder.
    public static func all(in folder: String) async throws -> [SealFile] {
        try await blocking.run { () throws -> [SealFile] in
            guard Folder.exists(folder) else { return [] }
            return try Folder.names(folder).filter { $0.hasSuffix(suffix) }.compactMap { name in
                UUID(uuidString: String(name.dropLast(suffix.count))).map { SealFile(folder: folder, ledger: $0) }
            }
        }
    }

    /// All seals, oldest first; none when there is no file.
    public func read() async throws -> [Seal] {
        try await Self.blocking.run { () throws -> [Seal] in
            guard Folder.exists(path) else { return [] }
            return try parse(File(path, .read).readAll()).seals
        }
    }

    /// Appends a seal that follows `last`, and returns when it is on the disk.
    /// - Throws: `Overtaken` when another sealer was faster, `FileError`.
    func append(after last: Seal?, _ seal: Seal) async throws {
        try await Self.blocking.run { () throws in
            try Folder.make(folder)
            let isNew = !Folder.exists(path)
            let file = try File(path, .append, mode: 0o644)
            try file.lock()
            let (seals, length) = try parse(file.readAll())
            guard seals.last?.hash == last?.hash else { throw Overtaken() }
            try file.truncate(to: length)
            try file.write(seal.line)
            try file.sync()
            if isNew { try Folder.sync(folder) }
        }
    }

    /// Another sealer was faster.
    struct Overtaken: Error {}

    /// The seals, and the length of the whole lines.
    private func parse(_ bytes: [UInt8]) throws -> (seals: [Seal], length: Int) {
        var seals: [Seal] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            guard let seal = Seal(line: bytes[start..<end]) else { throw Malformed(path: path, line: seals.count + 1) }
            seals.append(seal)
            start = end + 1
        }
        return (seals, start)
    }
}
