import Foundation
import Logging
import NIOCore
import NIOPosix
import Redis
import TestSupport

@testable import Admission

let quiet = Logger(label: "admission tests") { _ in SwiftLogNoOpLogHandler() }

let admissionFolderPath = TestEnvironment.root + "/projections/admission"

/// Runs a test with a connection to the shared Redis on which the functions are loaded.
func withFunctions(_ body: (Functions) async throws -> Void) async throws {
    let folder = try AdmissionFolder(path: admissionFolderPath)
    let configuration = try RedisConfiguration(url: TestEnvironment.redisURL())
    let connection = RedisConnection(configuration, on: MultiThreadedEventLoopGroup.singleton.next(), logger: quiet) {
        try await $0.loadFunctions(of: folder)
    }
    connection.start()
    do {
        try await body(Functions(connection: connection, folder: folder))
    } catch {
        await connection.shutdown(deadline: .milliseconds(100))
        throw error
    }
    await connection.shutdown(deadline: .milliseconds(100))
}

/// The functions of functions.lua over one connection.
struct Functions: Sendable {
    let connection: RedisConnection
    let folder: AdmissionFolder

    @discardableResult
    func call(
        _ function: AdmissionFunction, _ keys: [String], _ arguments: [RedisArgument]
    ) async throws(AdmissionError) -> RedisValue {
        try await connection.call(function, of: folder, keys: keys, arguments, deadline: .seconds(10))
    }

    func hash(_ key: String) async throws -> [String: String] {
        let words = try await connection.call(["HGETALL", .string(key)]).array?.map { $0.string ?? "" } ?? []
        return Dictionary(
            uniqueKeysWithValues: stride(from: 0, to: words.count, by: 2).map { (words[$0], words[$0 + 1]) })
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
}
