import Crypto
import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite struct MerkleTests {
    /// RFC 6962, 2.1, as it is written: the recursive definition.
    private static func root(_ entries: ArraySlice<[UInt8]>) -> [UInt8] {
        if entries.isEmpty { return Array(SHA256.hash(data: [UInt8]())) }
        if entries.count == 1 { return Array(SHA256.hash(data: [0] + entries[entries.startIndex])) }
        var split = 1
        while split * 2 < entries.count { split *= 2 }
        let middle = entries.startIndex + split
        return Array(SHA256.hash(data: [1] + root(entries[..<middle]) + root(entries[middle...])))
    }

    private static func entries(_ count: Int, _ generator: inout SeededGenerator) -> [[UInt8]] {
        (0..<count).map { _ in (0..<32).map { _ in UInt8(truncatingIfNeeded: generator.next()) } }
    }

    /// The vectors of the Certificate Transparency reference implementation.
    @Test func theKnownRootsHold() {
        let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]
        var tree = MerkleTree()
        #expect(Hexadecimal.encode(tree.root) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        for (input, root) in zip(inputs, roots) {
            tree.append(Hexadecimal.decode(input) ?? [])
            #expect(Hexadecimal.encode(tree.root) == root)
        }
    }

    @Test func everyEntryOfEveryTreeIsProved() throws {
        var generator = SeededGenerator(seed: TestEnvironment.seed("Merkle proofs"))
        for count in Array(1...40) + [63, 64, 65, 100, 257] {
            let entries = Self.entries(count, &generator)
            var tree = MerkleTree()
            for entry in entries { tree.append(entry) }
            let root = Array(tree.root)
            #expect(root == Self.root(entries[...]))
            for index in entries.indices {
                let proof = try #require(MerkleProof(index: index, entries: entries))
                #expect(proof.proves(entries[index], under: root))
                #expect(proof.path.count <= 9)
                // Any other entry, place, size, path or root is refused.
                var other = entries[index]
                other[Int.random(in: 0..<32, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                #expect(!proof.proves(other, under: root))
                for wrong in [index - 1, index + 1, index ^ 2] where wrong != index {
                    let moved = MerkleProof(index: Int64(wrong), count: proof.count, path: proof.path)
                    #expect(!moved.proves(entries[index], under: root), "\(index) of \(count) taken for \(wrong)")
                }
                let longer = MerkleProof(index: proof.index, count: proof.count, path: proof.path + [root])
                #expect(!longer.proves(entries[index], under: root))
                if !proof.path.isEmpty {
                    let shorter = MerkleProof(index: proof.index, count: proof.count, path: proof.path.dropLast())
                    #expect(!shorter.proves(entries[index], under: root))
                }
            }
            #expect(MerkleProof(index: count, entries: entries) == nil)
        }
    }

    @Test func partsThatWereBuiltApartMakeTheSameTree() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("Merkle parts"))
        for _ in 0..<50 {
            let size = 1 << Int.random(in: 0..<6, using: &generator)
            let entries = Self.entries(Int.random(in: 1...200, using: &generator), &generator)
            var whole = MerkleTree()
            for entry in entries { whole.append(entry) }
            var joined = MerkleTree()
            for start in stride(from: 0, to: entries.count, by: size) {
                var part = MerkleTree()
                for entry in entries[start..<min(start + size, entries.count)] { part.append(entry) }
                joined.append(part)
            }
            #expect(joined.count == whole.count)
            #expect(Array(joined.root) == Array(whole.root))
        }
    }
}

@Suite struct VerifyPlanTests {
    /// Every position is read once, and the pieces of a seal are whole subtrees but for its last.
    @Test func aPlanCoversEverythingOnce() {
        var generator = SeededGenerator(seed: TestEnvironment.seed("verify plan"))
        for _ in 0..<200 {
            var sealed: [ClosedRange<Int64>] = []
            for _ in 0..<Int.random(in: 0..<8, using: &generator) {
                let from = (sealed.last?.upperBound ?? 0) + 1
                sealed.append(from...(from + Int64.random(in: 0..<100_000, using: &generator)))
            }
            let head = (sealed.last?.upperBound ?? 0) + Int64.random(in: 0..<100_000, using: &generator)
            let pieces = VerifyPlan(sealed: sealed, head: head).flatMap(\.pieces)
            var next: Int64 = 1
            for piece in pieces {
                #expect(piece.from == next && piece.to >= piece.from)
                next = piece.to + 1
                guard let seal = piece.seal else { continue }
                #expect(sealed[seal].contains(piece.from) && sealed[seal].contains(piece.to))
                #expect((piece.from - sealed[seal].lowerBound) % VerifyPlan.pieceSize == 0)
            }
            #expect(next == head + 1)
        }
    }

    /// One event that was moved far away makes a ledger look endless.
    @Test func aPlanOfAnEndlessLedgerIsNotWrittenDown() {
        let units = VerifyPlan(sealed: [1...100], head: .max).prefix(3)
        #expect(units.map(\.from) == [1, 100 + VerifyPlan.pieceSize + 1, 100 + 2 * VerifyPlan.pieceSize + 1])
        #expect(Array(VerifyPlan(sealed: [], head: 0)).isEmpty)
    }
}
