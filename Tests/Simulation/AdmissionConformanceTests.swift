import Foundation
import Ledger
import Logging
import NIOCore
import NIOPosix
import Redis
import Simulation
import TestSupport
import Testing

@testable import Admission

/// Seeded sequences of calls, for functions.lua in Redis through the connection that admission uses and for the model alike: the same
/// answers, and after every call the same hashes, the same claim and as many slices that wait for it.
@Suite(.serialized) struct AdmissionConformanceTests {
    @Test func theModelAnswersAsRedisDoes() async throws {
        let first = TestEnvironment.seed("admission conformance")
        try await AdmissionBench.with { bench in
            for offset in 0..<(TestEnvironment.soak ? 20_000 : 500) as Range<UInt64> {
                let difference = try await bench.run(seed: first &+ offset, mutation: nil)
                try #require(difference == nil, "LLMGATEWAY_SEED=\(first &+ offset): \(difference ?? "")")
            }
        }
    }

    /// A model that is wrong is found out.
    @Test(arguments: [Mutation.ignoresBalance, .appliesTwice, .keepsHolds, .neverReleases, .skipsEvents])
    func aWrongModelIsFound(mutation: Mutation) async throws {
        try await AdmissionBench.with { bench in
            var difference: String?
            for seed in 0..<200 as Range<UInt64> where difference == nil {
                difference = try await bench.run(seed: seed, mutation: mutation)
            }
            #expect(difference != nil)
        }
    }
}

/// Redis, and for each sequence a model beside it.
private struct AdmissionBench {
    private let connection: RedisConnection
    private let functions: RedisAdmissionConnection

    static func with(_ body: (AdmissionBench) async throws -> Void) async throws {
        let quiet = Logger(label: "conformance") { _ in SwiftLogNoOpLogHandler() }
        let folder = try AdmissionFolder(path: TestEnvironment.root + "/projections/admission")
        let connection = RedisConnection(
            try RedisConfiguration(url: TestEnvironment.redisURL()), on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: quiet
        ) { try await $0.loadFunctions(of: folder) }
        connection.start()
        let bench = AdmissionBench(
            connection: connection, functions: RedisAdmissionConnection(connection: connection, folder: folder))
        do { try await body(bench) } catch {
            await connection.shutdown(deadline: .milliseconds(100))
            throw error
        }
        await connection.shutdown(deadline: .milliseconds(100))
    }

    /// - Returns: the first difference, or nil.
    func run(seed: UInt64, mutation: Mutation?) async throws -> String? {
        var model = AdmissionModel(mutation: mutation)
        var sequence = AdmissionCalls(seed: seed, now: try await time())
        var difference: String?
        for number in 0..<30 {
            let call = sequence.next(model)
            let before = try await time()
            let answer: AdmissionModel.Answer
            do { answer = .success(try await functions.call(call.function, keys: call.keys, call.arguments)) } catch {
                answer = .failure(error)
            }
            let after = try await time()
            switch matching(call, answer, before, after, model) {
            case .success(let candidates):
                for candidate in candidates {
                    model = candidate
                    difference = try await compare(model, sequence.organization)
                    if difference == nil { break }
                }
            case .failure(let found): difference = found.description
            }
            if let found = difference {
                difference = "call \(number), \(call.function) \(call.arguments.map(\.words)): \(found)"
                break
            }
        }
        _ = try await connection.call(["DEL"] + sequence.keys.all.map(RedisArgument.string))
        return difference
    }

    /// Microseconds since 1970, by Redis's clock.
    private func time() async throws -> Int64 {
        let words = try await connection.call(["TIME"]).array ?? []
        return (words.first?.int64 ?? 0) * 1_000_000 + (words.last?.int64 ?? 0)
    }

    private struct Difference: Error { let description: String }

    /// Has the model answer as of the time at which Redis did: the one it named, or one between those before and after where it
    /// named none, or that of another period.
    /// - Returns: what the model may be then, where it answers the same.
    private func matching(
        _ call: AdmissionCall, _ answer: AdmissionModel.Answer, _ before: Int64, _ after: Int64, _ model: AdmissionModel
    ) -> Result<[AdmissionModel], Difference> {
        let moment = (try? answer.get()).flatMap(Self.moment)
        var moments = [before, after]
        if let moment, moment >= before, moment <= after { moments = [moment] }
        var candidates: [AdmissionModel] = []
        var last = ""
        for moment in moments {
            var copy = model
            let own = copy.call(call.function, keys: call.keys, call.arguments, at: moment)
            if isSame(own, answer, call.function, spread: (after - before) / 1000 + 2) { candidates.append(copy) }
            last = Self.text(own)
        }
        guard candidates.isEmpty else { return .success(candidates) }
        return .failure(Difference(description: "Redis answers \(Self.text(answer)), the model \(last)"))
    }

    /// When it was, in the answers that say so.
    private static func moment(_ answer: RedisValue) -> Int64? {
        let words = answer.string?.split(separator: " ") ?? []
        if words.count > 3, words[0] == "admitted" { return time(words[2], words[3]) }
        let token = answer.array?.dropFirst().first?.string?.split(separator: " ") ?? []
        return token.count == 3 && answer.array?.first?.string == "claimed" ? time(token[1], token[2]) : nil
    }

    private static func time(_ seconds: Substring, _ microseconds: Substring) -> Int64? {
        Int64(seconds).flatMap { seconds in Int64(microseconds).map { seconds * 1_000_000 + $0 } }
    }

    private func isSame(
        _ own: AdmissionModel.Answer, _ answer: AdmissionModel.Answer, _ function: AdmissionFunction, spread: Int64
    ) -> Bool {
        switch (own, answer) {
        case (.failure(let one), .failure(let other)): return one.code == other.code
        case (.success(let one), .success(let other)):
            if function == .overdue { return pairs(one) == pairs(other) }
            if let one = one.string, let other = other.string {
                let (a, b) = (
                    one.split(separator: " ", omittingEmptySubsequences: false),
                    other.split(separator: " ", omittingEmptySubsequences: false)
                )
                // The wait of a denial is counted from a moment that only Redis knows.
                if a.count == 8, b.count == 8, a[0] == "denied", let x = Int64(a[3]), let y = Int64(b[3]), abs(x - y) <= spread {
                    return a[0..<3] == b[0..<3] && a[4...] == b[4...]
                }
                return one == other
            }
            return Self.text(own) == Self.text(answer)
        default: return false
        }
    }

    private func pairs(_ value: RedisValue) -> [String: String] {
        let words = (value.array ?? []).map { $0.string ?? "" }
        return Dictionary(uniqueKeysWithValues: stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) })
    }

    private static func text(_ answer: AdmissionModel.Answer) -> String {
        switch answer {
        case .failure(let error): "\(error)"
        case .success(let value):
            value.string ?? "\((value.array ?? []).map { $0.string ?? "-" })\(value.int64.map { "\($0)" } ?? "")"
        }
    }

    private func compare(_ model: AdmissionModel, _ organization: OrganizationID) async throws -> String? {
        let keys = OrganizationKeys(organization)
        let (fields, holds) = model.content(of: organization.uuid.lowercase)
        let (realFields, realHolds) = (try await hash(keys.state), try await hash(keys.holds))
        if fields != realFields {
            let names = Set(fields.keys).union(realFields.keys).filter { fields[$0] != realFields[$0] }.sorted()
            return "Redis has \(names.map { ($0, realFields[$0] ?? "-") }), the model \(names.map { fields[$0] ?? "-" })"
        }
        guard holds == realHolds else { return "Redis holds \(realHolds), the model \(holds)" }
        let token = try await connection.call(["GET", .string(keys.seeding)]).string
        let slices = try await connection.call(["LLEN", .string(keys.backlog)]).int64
        let own = model.token(ofClaimOn: keys.seeding)
        let ownSlices = model.waitingSlices(of: organization.uuid.lowercase)
        guard token == own, slices == Int64(ownSlices) else {
            let real = "\(token ?? "nobody") seeds Redis, with \(slices ?? -1) slices waiting"
            return "\(real); in the model it is \(own ?? "nobody"), with \(ownSlices)"
        }
        return nil
    }

    private func hash(_ key: String) async throws -> [String: String] {
        pairs(.array(try await connection.call(["HGETALL", .string(key)]).array ?? []))
    }
}

extension RedisArgument {
    var words: String {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }
}
