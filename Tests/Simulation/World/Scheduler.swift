import Ledger
import Synchronization

/// The one thread of a simulated world: it runs one job after another, and its seed says which is next.
///
/// Jobs that are ready run in an order that chance gives; when none is, time jumps to the next thing that is due. So every
/// interleaving of the world's tasks at their awaits is a possible one, and the same seed gives the same.
// Sendable because only the thread that runs the simulation ever touches it: jobs, timers and continuations all run there.
package final class Scheduler: @unchecked Sendable {
    /// Small and plain, because it is moved about a lot: its action lies elsewhere.
    private struct Timer {
        let at: Int64
        let order: UInt64
        let place: Int

        func isBefore(_ other: Timer) -> Bool { (at, order) < (other.at, other.order) }
    }

    /// Microseconds since the world began.
    private(set) var now: Int64 = 0
    var random: SplitMix64
    private var ready: [(executor: ProcessExecutor, job: UnownedJob)] = []
    private var timers: [Timer] = []
    private var actions: [(() -> Void)?] = []
    private var places: [Int] = []
    private var order: UInt64 = 0
    /// Of everything that happened so far.
    private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var steps = 0
    /// What lies in wait, and how many jobs run before it happens.
    private var ambush: (jobs: Int, action: () -> Void)?
    /// What happened, where a person wants to read it.
    private(set) var lines: [String]?
    /// What instants are counted from; only differences are ever looked at.
    private let origin = ContinuousClock.now

    init(seed: UInt64, keepsLines: Bool) {
        random = SplitMix64(seed: seed)
        lines = keepsLines ? [] : nil
    }

    /// The moment, as the product's parts see it.
    var instant: ContinuousClock.Instant { origin.advanced(by: .microseconds(now)) }

    /// Has something happen later.
    func after(_ microseconds: Int64, _ action: @escaping () -> Void) {
        order += 1
        let place: Int
        if let free = places.popLast() {
            place = free
            actions[place] = action
        } else {
            place = actions.count
            actions.append(action)
        }
        timers.append(Timer(at: now + max(0, microseconds), order: order, place: place))
        var child = timers.count - 1
        while child > 0, timers[child].isBefore(timers[(child - 1) / 2]) {
            timers.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Has something happen when so many more jobs have run, also where others are ready just then.
    func afterJobs(_ count: Int, _ action: @escaping () -> Void) { ambush = (count, action) }

    func enqueue(_ job: UnownedJob, on executor: ProcessExecutor) { ready.append((executor, job)) }

    /// Does the next thing; false when nothing is left to do.
    func step() -> Bool {
        steps += 1
        if !ready.isEmpty {
            let index = ready.count == 1 ? 0 : random.below(ready.count)
            let (executor, job) = ready[index]
            ready.swapAt(index, ready.count - 1)
            ready.removeLast()
            job.runSynchronously(on: executor.asUnownedTaskExecutor())
            spring()
            return true
        }
        guard let timer = popTimer() else { return false }
        now = max(now, timer.at)
        let action = actions[timer.place]
        actions[timer.place] = nil
        places.append(timer.place)
        action?()
        return true
    }

    private func spring() {
        guard let (jobs, action) = ambush else { return }
        ambush = jobs > 1 ? (jobs - 1, action) : nil
        if jobs <= 1 { action() }
    }

    /// Runs the jobs of one executor, and no others, until it has none: the end of a process that has been killed.
    func drain(_ executor: ProcessExecutor) {
        while let index = ready.firstIndex(where: { $0.executor === executor }) {
            let job = ready.remove(at: index).job
            job.runSynchronously(on: executor.asUnownedTaskExecutor())
        }
    }

    /// Forgets what would have happened later: it holds the world that holds the scheduler.
    func end() {
        timers = []
        actions = []
        places = []
        disarm()
    }

    /// Forgets what lies in wait.
    func disarm() { ambush = nil }

    /// Says that something happened.
    func note(_ what: @autoclosure () -> String, _ figures: Int64...) {
        for figure in figures + [now] {
            var value = UInt64(bitPattern: figure)
            for _ in 0..<8 {
                digest = (digest ^ (value & 0xFF)) &* 0x100_0000_01b3
                value >>= 8
            }
        }
        if lines != nil { lines?.append("\(now) \(what()) \(figures)") }
    }

    private func popTimer() -> Timer? {
        guard let first = timers.first else { return nil }
        let last = timers.removeLast()
        guard !timers.isEmpty else { return first }
        timers[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < timers.count && timers[child].isBefore(timers[least]) {
                least = child
            }
            if least == parent { return first }
            timers.swapAt(parent, least)
            parent = least
        }
    }
}

/// Where the tasks of one simulated process run.
package final class ProcessExecutor: TaskExecutor {
    private let scheduler: Scheduler

    init(_ scheduler: Scheduler) { self.scheduler = scheduler }

    package func enqueue(_ job: consuming ExecutorJob) { scheduler.enqueue(UnownedJob(job), on: self) }
}

/// The generator of Steele, Lea and Flood (2014): small, and the same everywhere.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A number below `bound`.
    package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    package mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    /// True once in `count` times.
    package mutating func once(in count: Int) -> Bool { below(count) == 0 }
}
