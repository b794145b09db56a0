import Foundation

/// Where the servers of a test run are. `tools/test` starts them and sets the variables.
public enum TestEnvironment {
    /// A superuser's URL of the test run's own Postgres server; every test makes databases of its own there.
    public static func databaseURL() throws -> String { try variable("LLMGATEWAY_TEST_DATABASE_URL") }

    /// The URL of the test run's own Redis server; every test keeps to keys of its own.
    public static func redisURL() throws -> String { try variable("LLMGATEWAY_TEST_REDIS_URL") }

    /// The checkout's top folder, where `schema/` and `projections/` lie.
    public static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    /// A file of the stand-ins, which lie in LLMGATEWAY_SHARED, or in `shared` beside the checkout; nil where it is in neither.
    public static func shared(_ path: String) -> String? {
        let folder = ProcessInfo.processInfo.environment["LLMGATEWAY_SHARED"] ?? root + "/../shared"
        let file = folder + "/" + path
        return FileManager.default.fileExists(atPath: file) ? file : nil
    }

    /// Whether the long forms of the tests are wanted: `tools/test --soak MINUTES` sets LLMGATEWAY_SOAK.
    public static var soak: Bool { ProcessInfo.processInfo.environment["LLMGATEWAY_SOAK"].map { $0 != "0" } ?? false }

    /// A seed that is printed, so that a failing property test can be repeated by setting LLMGATEWAY_SEED.
    ///
    /// - Parameter usual: The seed of a run that is not a long one, where it must say something about a change and nothing else.
    public static func seed(_ label: String, usually usual: UInt64? = nil) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["LLMGATEWAY_SEED"].flatMap(UInt64.init)
        let seed = given ?? (soak ? nil : usual) ?? UInt64.random(in: .min ... .max)
        print("seed of \(label): \(seed)")
        return seed
    }

    private static func variable(_ name: String) throws -> String {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { throw MissingVariable(name: name) }
        return value
    }

    struct MissingVariable: Error, CustomStringConvertible {
        let name: String
        var description: String { "\(name) is not set: run the tests with tools/test, which starts the servers they need" }
    }
}

/// SplitMix64: a small generator whose whole state is its seed (Steele, Lea, Flood, 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
