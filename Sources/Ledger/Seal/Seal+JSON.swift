import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import struct FoundationEssentials.UUID

extension Seal {
    private struct Line: Decodable {
        let ledger: String
        let from: Int64
        let to: Int64
        let chain: String
        let root: String
        let previous: String
        let time: Int64
        let protected: Bool
        let signature: String
    }

    /// One line of a seal file, with its line feed.
    var line: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("ledger", ledger.lowercase)
        writer.member("from", from)
        writer.member("to", to)
        writer.member("chain", Hexadecimal.encode(chain))
        writer.member("root", Hexadecimal.encode(root))
        writer.member("previous", Hexadecimal.encode(previous))
        writer.member("time", time)
        writer.member("protected", isProtected)
        writer.member("signature", Hexadecimal.encode(signature))
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    /// The seal as one JSON object, as it stands in a seal file.
    public var json: String { String(decoding: line.dropLast(), as: UTF8.self) }

    /// Reads a line; nil when it is not a seal.
    init?(line: some Sequence<UInt8>) {
        guard let read = try? JSONDecoder().decode(Line.self, from: Data(line)), let ledger = UUID(uuidString: read.ledger),
            let chain = Hexadecimal.decode(read.chain), let root = Hexadecimal.decode(read.root),
            let previous = Hexadecimal.decode(read.previous), let signature = Hexadecimal.decode(read.signature),
            chain.count == 32, root.count == 32, previous.count == 32
        else { return nil }
        self.init(
            ledger: ledger, from: read.from, to: read.to, chain: chain, root: root, previous: previous,
            time: Timestamp(microseconds: read.time), isProtected: read.protected)
        self.signature = signature
    }
}
