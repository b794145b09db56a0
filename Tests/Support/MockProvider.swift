import Foundation

/// The mock provider of the shared bench folder, built and started for one test.
public final class MockProvider: Sendable {
    /// Where the mock's source lies; nil where the shared folder is not beside the checkout.
    public static var source: String? {
        let folder = ProcessInfo.processInfo.environment["LLMGATEWAY_SHARED"] ?? TestEnvironment.root + "/../shared"
        let path = folder + "/bench/mock.c"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    public let port: Int
    private let folder: String
    private let process: ChildProcess

    public var baseURL: String { "http://127.0.0.1:\(port)/v1" }

    /// - Parameter delay: milliseconds before the first byte of each answer.
    public init(delay: Int = 0) async throws {
        guard let source = Self.source else {
            throw ChildProcess.Failure(description: "the mock provider's source is not there: set LLMGATEWAY_SHARED")
        }
        folder = "/tmp/mock-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try await runCommand(["gcc", "-O2", "-w", "-o", folder + "/mock", source])
        port = try freePort()
        process = try ChildProcess(folder + "/mock", ["-P", "\(port):\(delay)"])
        for _ in 0..<500 {
            if (try? await runCommand(["curl", "-sf", "http://127.0.0.1:\(port)/health"])) != nil { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw ChildProcess.Failure(description: "the mock provider did not start")
    }

    /// How many requests reached it.
    public func requests() async throws -> Int {
        struct Statistics: Decodable { let requests: Int }
        let text = try await runCommand(["curl", "-sf", "http://127.0.0.1:\(port)/stats"])
        return try JSONDecoder().decode(Statistics.self, from: Data(text.utf8)).requests
    }

    public func tearDown() async {
        process.signal(SIGTERM)
        await process.wait()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
