import Foundation
import Synchronization

/// A program that a test starts and ends.
///
/// Made with posix_spawn and not with Foundation's `Process`, which takes a child for running as long as another child that
/// was started at the same time runs, because each inherits the other's descriptors.
public final class ChildProcess: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
        public init(description: String) { self.description = description }
    }

    public let processIdentifier: Int32
    private let status = Mutex<Int32?>(nil)

    /// Starts a program that is looked up in PATH, with input from nowhere.
    ///
    /// - Parameters:
    ///   - environment: added to this process's own variables.
    ///   - output: the file that standard output and error are appended to; nil for nowhere.
    public init(_ name: String, _ arguments: [String], environment: [String: String] = [:], output: String? = nil) throws {
        do {
            processIdentifier = try spawn([name] + arguments, environment: environment) { actions in
                posix_spawn_file_actions_addopen(&actions, 1, output ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
                posix_spawn_file_actions_adddup2(&actions, 1, 2)
            }
        } catch {
            throw Failure(description: "\(name) can't be started: \(String(cString: strerror(error.number)))")
        }
    }

    public var isRunning: Bool { exitStatus == nil }

    /// The status as waitpid gives it; nil while the program runs.
    public var exitStatus: Int32? {
        status.withLock { status in
            if status == nil {
                var word: Int32 = 0
                let result = waitpid(processIdentifier, &word, WNOHANG)
                if result != 0 { status = result == processIdentifier ? word : -1 }
            }
            return status
        }
    }

    /// Sends a signal, unless the program has ended.
    public func signal(_ number: Int32) {
        if isRunning { kill(processIdentifier, number) }
    }

    /// Waits until the program has ended, whether the task is cancelled or not.
    @discardableResult
    public func wait() async -> Int32 {
        while true {
            if let status = exitStatus { return status }
            // A cancelled task's sleep returns at once, so the pause is a task of its own.
            await Task.detached { try? await Task.sleep(for: .milliseconds(2)) }.value
        }
    }

    /// Sends a signal and waits until the program has ended; one that has not after some time is killed.
    @discardableResult
    public func end(_ number: Int32, within limit: Duration = .seconds(60)) async -> Int32 {
        signal(number)
        let deadline = ContinuousClock.now + limit
        while isRunning, ContinuousClock.now < deadline {
            await Task.detached { try? await Task.sleep(for: .milliseconds(2)) }.value
        }
        if isRunning {
            print("process \(processIdentifier) had \(limit) to end after signal \(number) and is killed")
            signal(SIGKILL)
        }
        return await wait()
    }
}
