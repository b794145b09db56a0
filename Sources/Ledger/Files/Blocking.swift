import Dispatch

/// Runs calls that block (files, fsync) on a thread of their own, in the order in which they come.
final class Blocking: Sendable {
    private let queue: DispatchQueue

    init(_ label: String) { queue = DispatchQueue(label: label) }

    func run<R: Sendable, E: Error>(_ body: @escaping @Sendable () throws(E) -> R) async throws(E) -> R {
        try await Self.run(by: submit, body)
    }

    /// Runs it where `submit` has it run, and returns with it.
    static func run<R: Sendable, E: Error>(
        by submit: (@escaping @Sendable () -> Void) -> Void, _ body: @escaping @Sendable () throws(E) -> R
    ) async throws(E) -> R {
        let result = await withCheckedContinuation { (caller: CheckedContinuation<Result<R, E>, Never>) in
            submit {
                do throws(E) { caller.resume(returning: .success(try body())) } catch {
                    caller.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Does not wait.
    func submit(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }
}
