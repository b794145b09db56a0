import Foundation
import Glibc

/// A program that can't be started.
struct SpawnFailure: Error {
    /// The number of the system's error.
    let number: Int32
}

/// Starts a program that is looked up in PATH, with input from nowhere.
///
/// - Parameters:
///   - words: Its name and its arguments.
///   - environment: Added to this process's own variables.
///   - output: Says where standard output and standard error go.
func spawn(
    _ words: [String], environment: [String: String], output: (inout posix_spawn_file_actions_t) -> Void
) throws(SpawnFailure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    output(&actions)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The pool's threads block signals, and what they start would block them too: also the one that is to end it.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    let merged = ProcessInfo.processInfo.environment.merging(environment) { _, given in given }
    var variables: [UnsafeMutablePointer<CChar>?] = merged.map { strdup("\($0.key)=\($0.value)") }
    variables.append(nil)
    defer { for variable in variables { free(variable) } }
    var process: pid_t = 0
    let result = posix_spawnp(&process, words[0], &actions, &attributes, arguments, variables)
    guard result == 0 else { throw SpawnFailure(number: result) }
    return process
}
