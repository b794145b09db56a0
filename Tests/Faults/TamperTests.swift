import Foundation
import TestSupport
import Testing

@testable import Ledger

/// T17: whoever owns the machine touches the past, and the verifier names the first event that is not right.
///
/// What it can say is what the chain and the seals can prove. A chain that was written again with right hashes is found by the
/// seal that covers it, so the seal's positions are named; behind the last seal nothing outside the database vouches for
/// anything, and the answer says where that begins.
@Suite struct TamperTests {
    private static let cases = TestEnvironment.soak ? 5_000 : 72

    @Test func `the first event that was touched is named`() async throws {
        let seed = TestEnvironment.seed("tampering")
        try await SealedHistory.with(TestEnvironment.soak ? 1_000 : 150, parts: 4, seed: seed) { history in
            var random = SeededGenerator(seed: seed)
            let whole = try await history.verify()
            #expect(whole.fault == nil && whole.sealedTo == history.sealedTo && whole.head == history.head)
            for turn in 0..<Self.cases {
                // Every column in turn, then the other ways, so that none depends on luck.
                let tampering = Tampering.random(turn, history, using: &random)
                let pieceSize = Int64(1) << Int64.random(in: (TestEnvironment.soak ? 0 : 3)...12, using: &random)
                try await history.tamper(tampering.sql)
                let report = try await history.verify(pieceSize: pieceSize)
                Self.expect(tampering, report.fault, head: report.head, "in pieces of \(pieceSize)")
            }
            try await history.tamper("SELECT")
            let again = try await history.verify()
            #expect(again.fault == nil && again.headHash == whole.headHash)
        }
    }

    /// The executable reads the seals where `serve` writes them.
    @Test func `ledger verify says the same and ends with 1`() async throws {
        let seed = TestEnvironment.seed("tampering, executable")
        try await SealedHistory.with(120, parts: 3, seed: seed) { history in
            var random = SeededGenerator(seed: seed)
            let whole = try await history.verifyByExecutable()
            #expect(whole.isWhole && whole.answer.fault == nil)
            #expect(whole.answer.sealedTo == history.sealedTo)
            #expect(whole.answer.unsealedTail == history.head - history.sealedTo)
            for turn in 0..<(TestEnvironment.soak ? 500 : 24) {
                let tampering = Tampering.random(turn, history, using: &random)
                try await history.tamper(tampering.sql)
                let (answer, isWhole) = try await history.verifyByExecutable()
                #expect(isWhole == (answer.fault == nil), "\(tampering)")
                switch tampering.verdict {
                case .broken(let position, let reason):
                    #expect(answer.faultPosition == position, "\(tampering): \(answer)")
                    if let reason {
                        #expect(answer.fault == LedgerFault(position: position, reason: reason).description, "\(tampering)")
                    }
                case .whole(let head): #expect(answer.fault == nil && answer.head == head, "\(tampering): \(answer)")
                }
            }
        }
    }

    private static func expect(_ tampering: Tampering, _ fault: LedgerFault?, head: Int64, _ how: String) {
        switch tampering.verdict {
        case .broken(let position, let reason):
            #expect(fault?.position == position, "\(tampering), \(how)")
            if let reason { #expect(fault?.reason == reason, "\(tampering), \(how)") }
        case .whole(let expected): #expect(fault == nil && head == expected, "\(tampering), \(how)")
        }
    }
}

extension Tampering {
    fileprivate static func random(_ turn: Int, _ history: SealedHistory, using random: inout SeededGenerator) -> Tampering {
        let ways = 11
        let choice = turn % (ColumnFlip.columns.count + ways)
        let event = history.events[Int.random(in: history.events.indices, using: &random)]
        if choice < ColumnFlip.columns.count {
            return column(ColumnFlip.columns[choice], of: event, using: &random)
        }
        switch choice - ColumnFlip.columns.count {
        case 0: return delete(event.position, history)
        case 1: return swap(history, using: &random)
        case 2: return truncate(after: Int64.random(in: 1..<history.head, using: &random), history)
        case 3: return insert(event, at: Int64.random(in: 2...(history.head + 1), using: &random), history)
        case 4: return rewrite(from: Int64.random(in: 2...history.head, using: &random), history)
        case 5: return rehashOne(Int64.random(in: 2...history.head, using: &random), history)
        case 6: return rollBack(to: Int64.random(in: 2..<history.head, using: &random), history, using: &random)
        case 7: return append(event, history)
        case 8: return skipVersions(history, using: &random)
        case 9: return swapVersions(history, using: &random)
        default: return two(history, using: &random)
        }
    }

    private static func column(
        _ column: String, of event: RecordedEvent, using random: inout SeededGenerator
    ) -> Tampering {
        let flip = set(ColumnFlip(event: event).assignment(column, using: &random), of: event)
        guard column == "position" else { return flip }
        return Tampering(
            description: flip.description, sql: flip.sql,
            verdict: .broken(at: event.position, event.position == 1 ? nil : .missing))
    }

    private static func delete(_ position: Int64, _ history: SealedHistory) -> Tampering {
        if position == history.head { return truncate(after: position - 1, history) }
        return Tampering(
            description: "position \(position) is deleted", sql: "DELETE FROM ledger.events WHERE position = \(position)",
            verdict: .broken(at: position, .missing))
    }

    private static func swap(_ history: SealedHistory, using random: inout SeededGenerator) -> Tampering {
        let one = Int64.random(in: 1..<history.head, using: &random)
        let other = Int64.random(in: (one + 1)...history.head, using: &random)
        return Tampering(
            description: "positions \(one) and \(other) change places",
            sql: """
                UPDATE ledger.events SET position = -position WHERE position IN (\(one), \(other));
                UPDATE ledger.events SET position = \(one + other) + position WHERE position < 0
                """,
            verdict: .broken(at: one, one == 1 ? nil : .hashMismatch))
    }

    private static func truncate(after position: Int64, _ history: SealedHistory) -> Tampering {
        Tampering(
            description: "the tail after \(position) is cut off",
            sql: "DELETE FROM ledger.events WHERE position > \(position)",
            verdict: position < history.sealedTo
                ? .broken(at: position + 1, .tailMissing(sealedTo: history.sealedTo)) : .whole(head: position))
    }

    private static func insert(_ event: RecordedEvent, at position: Int64, _ history: SealedHistory) -> Tampering {
        Tampering(
            description: "a copy of \(event.position) is put in at \(position)",
            sql: """
                UPDATE ledger.events SET position = -position WHERE position >= \(position);
                UPDATE ledger.events SET position = 1 - position WHERE position < 0;
                \(forgery(of: event, at: position))
                """,
            verdict: .broken(at: position, .hashMismatch))
    }

    /// An event is changed, and every hash from there on is right again.
    private static func rewrite(from position: Int64, _ history: SealedHistory) -> Tampering {
        Tampering(
            description: "written again from \(position)",
            sql: """
                UPDATE ledger.events SET metadata = metadata || '{"forged": true}' WHERE position = \(position);
                \(rehash(position...history.head))
                """,
            verdict: history.seals.first { $0.to >= position }.map {
                .broken(at: $0.from, .rewritten(sealedFrom: $0.from, sealedTo: $0.to))
            } ?? .whole(head: history.head))
    }

    /// An event is changed and its own hash made right; then the next does not follow it any more, or the seal differs.
    private static func rehashOne(_ position: Int64, _ history: SealedHistory) -> Tampering {
        let verdict: Verdict
        if let seal = history.seals.first(where: { $0.to == position }) {
            verdict = .broken(at: seal.from, .rewritten(sealedFrom: seal.from, sealedTo: seal.to))
        } else {
            verdict = position == history.head ? .whole(head: position) : .broken(at: position + 1, .hashMismatch)
        }
        return Tampering(
            description: "\(position) is changed with its hash",
            sql: """
                UPDATE ledger.events SET metadata = metadata || '{"forged": true}' WHERE position = \(position);
                \(rehash(position...position))
                """, verdict: verdict)
    }

    /// Yesterday's database, which has gone on with other events.
    private static func rollBack(
        to position: Int64, _ history: SealedHistory, using random: inout SeededGenerator
    ) -> Tampering {
        let added = Int64.random(in: 1...60, using: &random)
        let head = position + added
        let forged = (1...added).map { forgery(of: history.events[Int($0)], at: position + $0) }.joined(separator: ";\n")
        let verdict: Verdict
        if let seal = history.seals.first(where: { $0.to > position && $0.to <= head }) {
            verdict = .broken(at: seal.from, .rewritten(sealedFrom: seal.from, sealedTo: seal.to))
        } else {
            verdict =
                head < history.sealedTo
                ? .broken(at: head + 1, .tailMissing(sealedTo: history.sealedTo)) : .whole(head: head)
        }
        return Tampering(
            description: "rolled back to \(position), and on to \(head)",
            sql: """
                DELETE FROM ledger.events WHERE position > \(position);
                \(forged);
                \(rehash((position + 1)...head))
                """, verdict: verdict)
    }

    /// Behind the tail, with a right hash: what `ledger.append` itself might have written.
    private static func append(_ event: RecordedEvent, _ history: SealedHistory) -> Tampering {
        Tampering(
            description: "a copy of \(event.position) behind the tail, with a right hash",
            sql: "\(forgery(of: event, at: history.head + 1)); \(rehash((history.head + 1)...(history.head + 1)))",
            verdict: .whole(head: history.head + 1))
    }

    /// In the tail that no seal covers, with right hashes: the versions of the stream still tell.
    private static func skipVersions(_ history: SealedHistory, using random: inout SeededGenerator) -> Tampering {
        let position = Int64.random(in: (history.sealedTo + 1)...history.head, using: &random)
        let event = history.events[Int(position) - 1]
        let version = event.streamVersion + Int64.random(in: 1...1000, using: &random) + 100
        return Tampering(
            description: "\(position) becomes version \(version) of its stream",
            sql: """
                UPDATE ledger.events SET stream_version = \(version) WHERE position = \(position);
                \(rehash(position...history.head))
                """,
            verdict: .broken(at: position, .versionGap(stream: event.stream.description, version: version)))
    }

    private static func swapVersions(_ history: SealedHistory, using random: inout SeededGenerator) -> Tampering {
        let tail = history.events[Int(history.sealedTo)...]
        let pairs = tail.compactMap { one in
            tail.first { $0.stream == one.stream && $0.streamVersion == one.streamVersion + 1 }.map { (one, $0) }
        }
        guard let (one, other) = pairs.randomElement(using: &random) else { return skipVersions(history, using: &random) }
        return Tampering(
            description: "\(one.position) and \(other.position) change versions of their stream",
            sql: """
                UPDATE ledger.events SET stream_version = -1 WHERE position = \(one.position);
                UPDATE ledger.events SET stream_version = \(one.streamVersion) WHERE position = \(other.position);
                UPDATE ledger.events SET stream_version = \(other.streamVersion) WHERE position = \(one.position);
                \(rehash(one.position...history.head))
                """,
            verdict: .broken(
                at: one.position, .versionGap(stream: one.stream.description, version: other.streamVersion)))
    }

    private static func two(_ history: SealedHistory, using random: inout SeededGenerator) -> Tampering {
        let one = Int64.random(in: 2..<history.head, using: &random)
        let other = Int64.random(in: (one + 1)...history.head, using: &random)
        let flips = [other, one].map { position in
            let column = ColumnFlip.columns[Int.random(in: 1..<ColumnFlip.columns.count, using: &random)]
            return self.column(column, of: history.events[Int(position) - 1], using: &random)
        }
        return Tampering(
            description: flips.map(\.description).joined(separator: " and "),
            sql: flips.map(\.sql).joined(separator: ";\n"), verdict: .broken(at: one, .hashMismatch))
    }
}
