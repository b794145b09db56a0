import Foundation
import TestSupport

/// The machine of one gateway or one Postgres: its disk fails and its clock steps when a test says so, by a library that is loaded
/// before the C library (`faulty.c`).
struct FaultyMachine {
    /// What the program is started with.
    let environment: [String: String]
    private let folder: String

    /// - Parameter path: files whose path contains this are on the disk that fails.
    init(path: String = "/spool/") async throws {
        folder = "/tmp/faulty-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let library = folder + "/faulty.so"
        try await runCommand([
            "gcc", "-O2", "-shared", "-fPIC", "-o", library, TestEnvironment.root + "/Tests/Faults/faulty.c", "-ldl",
        ])
        environment = ["LD_PRELOAD": library, "FAULT_CONTROL": folder + "/control", "FAULT_PATH": path]
        try Data(count: 16).write(to: URL(filePath: folder + "/control"))
    }

    /// - Parameters:
    ///   - seconds: by how much the clock of the day is off.
    ///   - error: what writing and syncing fail with, such as ENOSPC; 0 for not.
    func set(seconds: Int64 = 0, error: Int32 = 0) throws {
        // In place: the program has the file mapped.
        let file = try FileHandle(forWritingTo: URL(filePath: folder + "/control"))
        try file.write(contentsOf: withUnsafeBytes(of: seconds) { Data($0) } + withUnsafeBytes(of: error) { Data($0) })
        try file.close()
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

/// A provider that takes its time, and a catalogue with it: `slow` answers after 3 s for $0.02, `long` streams for a minute and
/// `short` for two seconds, a microdollar a token; `free` answers at once for nothing.
struct SlowProvider {
    let mock: MockProvider
    let environment: [String: String]
    private let catalogue: String

    /// What an answer of `slow` costs, nano-dollars.
    static let price = 20_000_000

    init() async throws {
        mock = try await MockProvider()
        catalogue = "/tmp/slow-\(UUID().uuidString.prefix(13)).json"
        func model(_ id: String, _ upstream: String, output: String) -> String {
            """
            {"id": "\(id)", "name": "\(id)", "family": "mock", "mappings": [{"provider": "mock", "model": "\(upstream)",
             "prices": {"input": "0", "output": "\(output)"}, "context_size": 100000, "max_output": 4096,
             "output_limit_field": "max_tokens", "streaming": true}]}
            """
        }
        let models = [
            model("slow", "mock-d3000", output: "312.5"), model("never", "mock-hang", output: "1"),
            model("long", "mock-c3000-i20", output: "1"), model("short", "mock-c40-i50", output: "1"),
            model("free", "mock", output: "0"),
        ]
        let text = """
            {"providers": [{"id": "mock", "name": "Mock", "dialect": "openai", "base_url": "\(mock.baseURL)"}],
             "models": [\(models.joined(separator: ","))]}
            """
        try text.write(toFile: catalogue, atomically: true, encoding: .utf8)
        environment = ["LLM_MOCK_API_KEY": "test", "LLMGATEWAY_CATALOGUE": catalogue]
    }

    /// Waits until so many requests are with the provider.
    func wait(for count: Int) async throws {
        try await eventually("\(count) requests are with the provider") { try await mock.requests() >= count }
    }

    /// Waits until so many requests are with the provider, and lets it answer none of them before `body` has ended.
    func keeping(_ count: Int, _ body: () async throws -> Void) async throws {
        try await wait(for: count)
        mock.pause()
        defer { mock.resume() }
        try await body()
    }

    func remove() async {
        await mock.tearDown()
        try? FileManager.default.removeItem(atPath: catalogue)
    }
}
