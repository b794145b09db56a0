import Foundation
import Ledger
import Synchronization

/// One process of a simulated world: its tasks, its timers and what it waits for. It can be killed at any await.
///
/// A killed process does nothing more that anybody could see: what it had sent may still arrive, what it waits for fails, and its
/// tasks run out by themselves, so that no memory is lost over a hundred thousand schedules.
// Sendable because only the thread that runs the simulation ever touches it.
final class SimulatedProcess: @unchecked Sendable {
    let name: Int
    let scheduler: Scheduler
    let executor: ProcessExecutor
    private(set) var isDead = false
    /// Is to be killed when the present job has come to its next await.
    var isDoomed = false
    private var waiting: [UInt64: () -> Void] = [:]
    private var nextWait: UInt64 = 0
    private var tasks: [Task<Void, Never>] = []
    /// What a dead process is told: long enough ago for every deadline to be over.
    private var hurry: Int64 = 0
    private var zombieCalls = 0

    init(name: Int, scheduler: Scheduler) {
        self.name = name
        self.scheduler = scheduler
        executor = ProcessExecutor(scheduler)
    }

    var surroundings: Surroundings {
        Surroundings(
            now: { [self] in now }, sleep: { [self] duration in await sleep(duration) },
            pick: { [self] range in isDead ? range.lowerBound : range.lowerBound + scheduler.random.below(range.count) },
            executor: executor)
    }

    private var now: ContinuousClock.Instant {
        guard isDead else { return scheduler.instant }
        hurry += 10_000_000
        return scheduler.instant.advanced(by: .microseconds(hurry))
    }

    /// Begins a task of the process.
    func begin(_ body: @escaping @Sendable () async -> Void) {
        guard !isDead else { return }
        tasks.append(Task(executorPreference: executor) { await body() })
    }

    func sleep(_ duration: Duration) async {
        let (seconds, attoseconds) = duration.components
        await pause(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }

    func pause(_ microseconds: Int64) async {
        let _: Void? = await wait { resume in scheduler.after(microseconds) { resume(()) } }
    }

    /// Waits until `begin`'s argument is called; nil when the process was killed before.
    func wait<R: Sendable>(_ begin: (@escaping @Sendable (R) -> Void) -> Void) async -> R? {
        if isDead {
            zombieCalls += 1
            precondition(zombieCalls < 100_000, "a task of a dead process does not end")
            // So that the others come to their ends, too.
            await Task.yield()
            return nil
        }
        return await withUnsafeContinuation { (continuation: UnsafeContinuation<R?, Never>) in
            let id = nextWait
            nextWait += 1
            waiting[id] = { continuation.resume(returning: nil) }
            begin { [self] result in
                guard waiting.removeValue(forKey: id) != nil else { return }
                continuation.resume(returning: result)
            }
        }
    }

    /// Ends the process. Its tasks are over when this returns, or wait for what its owner has to end.
    func kill() {
        guard !isDead else { return }
        isDead = true
        for task in tasks { task.cancel() }
        tasks = []
        settle()
    }

    /// Lets the tasks of the dead process go on until nothing of it is left to run.
    func settle() {
        repeat {
            let resumes = waiting.sorted { $0.key < $1.key }.map(\.value)
            waiting = [:]
            for resume in resumes { resume() }
            scheduler.drain(executor)
        } while !waiting.isEmpty
    }
}
