package import Redis

/// A way to the functions of `functions.lua`: a connection to Redis, or what stands for it in a simulation.
package protocol AdmissionConnection: Sendable {
    /// Calls one of the functions.
    func call(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument], deadline: Duration
    ) async throws(AdmissionError) -> RedisValue
    /// Sends a plain command.
    func command(_ arguments: [RedisArgument], deadline: Duration) async throws(AdmissionError) -> RedisValue
    /// Calls a function and waits for nothing.
    func tell(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument], deadline: Duration,
        failed: @escaping @Sendable (any Error) -> Void)
}

extension AdmissionConnection {
    func call(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument]
    ) async throws(AdmissionError) -> RedisValue {
        try await call(function, keys: keys, arguments, deadline: .seconds(1))
    }

    func command(_ arguments: [RedisArgument]) async throws(AdmissionError) -> RedisValue {
        try await command(arguments, deadline: .seconds(1))
    }
}

/// A connection to Redis, on which the functions are loaded again if somebody removed them.
struct RedisAdmissionConnection: AdmissionConnection {
    let connection: RedisConnection
    let folder: AdmissionFolder

    func call(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument], deadline: Duration
    ) async throws(AdmissionError) -> RedisValue {
        try await connection.call(function, of: folder, keys: keys, arguments, deadline: deadline)
    }

    func command(_ arguments: [RedisArgument], deadline: Duration) async throws(AdmissionError) -> RedisValue {
        do { return try await connection.call(arguments, deadline: deadline) } catch { throw AdmissionError(error) }
    }

    func tell(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument], deadline: Duration,
        failed: @escaping @Sendable (any Error) -> Void
    ) {
        connection.tellFunction(
            folder.name(of: function), keys: keys, arguments: arguments, deadline: deadline, failed: failed)
    }
}
