public import struct FoundationEssentials.UUID

/// The seals of one ledger: a file in a folder outside the database, one JSON object a line, only ever appended to.
public struct SealFile: Sendable {
    /// A line that is not a seal; only a torn last line is overlooked.
    public struct Malformed: Error, CustomStringConvertible {
        public let path: String
        /// Where the line begins, in bytes.
        public let offset: Int
        public var description: String { "\(path): the line at byte \(offset) is not a seal" }
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

    /// Makes the folder so that others can read it: they are to verify by the seals. What is secret near it has a mode of its own.
    package func makeFolder() throws(FileError) { try Folder.make(folder, mode: 0o755) }

    /// Some seals of the file, and where they end.
    struct Part: Sendable {
        let seals: [Seal]
        /// Behind the last whole line, in bytes from the beginning.
        let end: Int
    }

    /// All seals, oldest first; none when there is no file.
    /// - Throws: `Malformed`, `FileError`.
    public func read() async throws -> [Seal] { try await read(behind: 0)?.seals ?? [] }

    /// The seals behind a place where a line ends, so that whoever has read the others need not do so again; nil when the file
    /// does not reach so far.
    func read(behind start: Int) async throws -> Part? {
        try await Self.blocking.run { () throws -> Part? in
            guard Folder.exists(path) else { return start == 0 ? Part(seals: [], end: 0) : nil }
            let file = try File(path, .read)
            return try file.length() < start ? nil : parse(file.readAll(from: start), start)
        }
    }

    /// Appends a seal behind the last one, which ends at `end`, and returns when it is on the disk.
    /// - Throws: `Overtaken` when another sealer was faster, `FileError`.
    func append(_ seal: Seal, behind end: Int) async throws {
        try await Self.blocking.run { () throws in
            try makeFolder()
            let isNew = !Folder.exists(path)
            let file = try File(path, .append, mode: 0o644)
            try file.lock()
            guard try file.length() >= end, try parse(file.readAll(from: end), end).seals.isEmpty else { throw Overtaken() }
            try file.truncate(to: end)
            try file.write(seal.line)
            try file.sync()
            if isNew { try Folder.sync(folder) }
        }
    }

    /// Another sealer was faster.
    struct Overtaken: Error {}

    private func parse(_ bytes: [UInt8], _ offset: Int) throws -> Part {
        var seals: [Seal] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            guard let seal = Seal(line: bytes[start..<end]) else { throw Malformed(path: path, offset: offset + start) }
            seals.append(seal)
            start = end + 1
        }
        return Part(seals: seals, end: offset + start)
    }
}
