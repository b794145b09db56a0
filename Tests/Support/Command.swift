import Foundation
import Glibc

/// A program that failed, with what it printed.
public struct CommandFailure: Error, CustomStringConvertible {
    public let arguments: [String]
    public let status: Int32
    public let output: String

    public var description: String { "\(arguments.joined(separator: " ")) ended with \(status): \(output)" }
}

/// Runs a program to its end without blocking a thread of the cooperative pool, and returns what it printed on standard output;
/// standard error is in the failure.
///
/// Foundation's Process is of no use for `pg_ctl start`: it takes a program for running as long as a daemon that the program
/// left behind holds what it inherited.
///
/// - Parameter limit: Seconds after which the program is ended, and what it started with it, because nobody waits for a test that hangs.
@discardableResult
public func runCommand(
    _ arguments: [String], environment: [String: String] = [:], limit: Int = 900
) async throws -> String {
    let output = "/tmp/command-\(UUID().uuidString)"
    let errors = output + ".err"
    defer {
        unlink(output)
        unlink(errors)
    }
    let began = ContinuousClock.now
    let status = await withCheckedContinuation { (continuation: CheckedContinuation<Int32, Never>) in
        Thread.detachNewThread {
            continuation.resume(
                returning: run(
                    ["timeout", "--foreground", "-k", "10", "\(limit)"] + arguments, environment, output: output, errors: errors))
        }
    }
    let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    guard status == 0 else {
        let said = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        let isLate = began.duration(to: .now) >= .seconds(limit)
        throw CommandFailure(
            arguments: arguments, status: status, output: (isLate ? "it had \(limit) s; " : "") + text + said)
    }
    return text
}

/// Starts a program and waits for its end: its exit status, minus the signal that ended it, or 127 when it can't be started.
private func run(_ arguments: [String], _ environment: [String: String], output: String, errors: String) -> Int32 {
    let process = try? spawn(arguments, environment: environment) { actions in
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
    guard let process else { return 127 }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
}
