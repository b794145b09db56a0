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
@discardableResult
public func runCommand(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
    let output = "/tmp/command-\(UUID().uuidString)"
    let errors = output + ".err"
    defer {
        unlink(output)
        unlink(errors)
    }
    let variables = ProcessInfo.processInfo.environment.merging(environment) { _, given in given }
    let status = await withCheckedContinuation { (continuation: CheckedContinuation<Int32, Never>) in
        Thread.detachNewThread {
            continuation.resume(
                returning: spawn(arguments, variables.map { "\($0.key)=\($0.value)" }, output: output, errors: errors))
        }
    }
    let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    guard status == 0 else {
        let said = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        throw CommandFailure(arguments: arguments, status: status, output: text + said)
    }
    return text
}

/// Starts a program and waits for its end: its exit status, minus the signal that ended it, or 127 when it can't be started.
private func spawn(_ arguments: [String], _ environment: [String], output: String, errors: String) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var process = pid_t()
    guard posix_spawnp(&process, arguments[0], &actions, nil, argv, envp) == 0 else { return 127 }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
}
