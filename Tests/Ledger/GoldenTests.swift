import Crypto
import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite struct GoldenTests {
    private struct Golden: Decodable {
        struct Event: Decodable {
            let position: Int64
            let leafBytes: String
            let leaf: String
            let hash: String
        }
        let ledger: UUID
        let previous: String
        let events: [Event]
    }

    /// The format is what a program apart from this one and from Postgres says it is.
    @Test func theGoldenVectorsHold() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let golden = try decoder.decode(
            Golden.self, from: Data(contentsOf: URL(filePath: TestEnvironment.root + "/schema/golden.json")))
        var hash = Array(EventDigest.genesis(ledger: golden.ledger))
        #expect(Hexadecimal.encode(hash) == golden.previous)
        #expect(golden.events.count == 5)
        var leaves: [Int64: SHA256Digest] = [:]
        // One for all rows, as in the verifier: nothing of a longer row may be left in a shorter one.
        var buffer: [UInt8] = []
        for event in golden.events {
            // The row's bytes behind the count of columns, as COPY frames them: without the types.
            let record = try #require(Hexadecimal.decode(event.leafBytes))
            var chunk: [UInt8] = [0, 13]
            var offset = 4
            for column in 0..<12 {
                #expect(record[offset..<(offset + 4)].elementsEqual(Self.bytes(EventDigest.columnTypes[column])))
                let length = record[(offset + 4)..<(offset + 8)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                let end = offset + 8 + max(0, Int(Int32(bitPattern: length)))
                chunk += record[(offset + 4)..<end]
                offset = end
            }
            #expect(offset == record.count)
            hash = try #require(Hexadecimal.decode(event.hash))
            chunk += Self.bytes(32) + hash
            var copied = try CopiedEvents(chunk, isFirst: false)
            let row = try #require(try copied.next(chunk))
            #expect(row.integer(.position, in: chunk) == event.position)
            let size = row.writeRecord(of: chunk, into: &buffer)
            #expect(buffer[..<size] == record[...])
            let leaf = SHA256.hash(buffer, count: size)
            #expect(Hexadecimal.encode(leaf) == event.leaf)
            leaves[event.position] = leaf
        }
        var chain = Array(EventDigest.genesis(ledger: golden.ledger))
        for event in golden.events {
            chain = Array(EventDigest.chain(chain, try #require(leaves[event.position])))
            #expect(Hexadecimal.encode(chain) == event.hash)
        }
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    @Test func aChunkThatIsNotWholeRowsIsMalformed() {
        #expect(throws: CopiedEvents.Malformed.self) { try CopiedEvents([1, 2, 3], isFirst: true) }
        for chunk: [UInt8] in [[0], [0, 12, 0, 0], [0, 13, 0, 0, 0, 9, 1], [0, 13, 0xFF, 0, 0, 0]] {
            #expect(throws: CopiedEvents.Malformed.self) {
                var events = try CopiedEvents(chunk, isFirst: false)
                _ = try events.next(chunk)
            }
        }
        #expect(throws: Never.self) {
            let chunk: [UInt8] = [0xFF, 0xFF]
            var events = try CopiedEvents(chunk, isFirst: false)
            if try events.next(chunk) != nil { Issue.record("the trailer is a row") }
        }
    }
}
