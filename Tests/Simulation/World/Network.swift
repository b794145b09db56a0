/// A server of a simulated world that may be away.
// Sendable because only the thread that runs the simulation ever touches it.
final class SimulatedServer: @unchecked Sendable {
    /// Until when it answers nobody, microseconds of the world.
    var awayUntil: Int64 = 0
    /// Grows with every loss of all connections.
    var generation = 0

    func isAway(_ now: Int64) -> Bool { now < awayUntil }
}

/// Why a message brought no answer.
enum NetworkLoss: Error, Sendable {
    /// It never arrived, and never will.
    case notSent
    /// It may have arrived, or may yet.
    case unknown
}

/// Carries messages between the processes and the servers of a world: late, out of order, not at all, or without the answer.
struct Network {
    /// The longest that a message takes that arrives before its sender gives it up.
    static let longestWay: Int64 = 1_100_000

    let scheduler: Scheduler
    /// One message in so many meets a fault; 0 is none.
    var faultRate: Int

    /// Sends a message that `perform` carries out at the server, at one moment, whenever it arrives.
    ///
    /// - Parameters:
    ///   - patience: after how many microseconds without an answer the sender gives up.
    ///   - mayComeLate: whether it may arrive after the sender has given it up.
    func exchange<R: Sendable>(
        _ process: SimulatedProcess, _ server: SimulatedServer, _ what: String, patience: Int64, mayComeLate: Bool = true,
        perform: @escaping () -> R
    ) async -> Result<R, NetworkLoss> {
        guard !process.isDead else { return .failure(.notSent) }
        let scheduler = scheduler
        let there = scheduler.random.within(50...2_000)
        let back = scheduler.random.within(50...2_000)
        let fate = faultRate > 0 && scheduler.random.once(in: faultRate) ? scheduler.random.below(5) + 1 : 0
        let late = scheduler.random.within(1_000...4_000_000)
        let generation = server.generation
        let answer: Result<R, NetworkLoss>? = await process.wait { resume in
            switch fate {
            case 1:
                scheduler.note("lost request \(what)", 1)
                scheduler.after(patience) { resume(.failure(.unknown)) }
            case 2:
                scheduler.note("broken before it was sent \(what)", 2)
                scheduler.after(there) { resume(.failure(.notSent)) }
            case 3:
                scheduler.note("lost answer \(what)", 3)
                scheduler.after(there) { if !server.isAway(scheduler.now) { _ = perform() } }
                scheduler.after(there + min(patience, late)) { resume(.failure(.unknown)) }
            case 4 where mayComeLate:
                // The sender gives up, sends again perhaps, and then it arrives.
                scheduler.note("late request \(what)", 4)
                let gone = min(patience, late)
                scheduler.after(gone) { resume(.failure(.unknown)) }
                scheduler.after(gone + late) { if !server.isAway(scheduler.now) { _ = perform() } }
            default:
                let slow = fate == 5 ? late / 4 : 0
                scheduler.after(there + slow) {
                    guard !server.isAway(scheduler.now), server.generation == generation else {
                        scheduler.after(back) { resume(.failure(.unknown)) }
                        return
                    }
                    let result = perform()
                    scheduler.after(back) { resume(server.generation == generation ? .success(result) : .failure(.unknown)) }
                }
                scheduler.after(patience) { resume(.failure(.unknown)) }
            }
        }
        return answer ?? .failure(.unknown)
    }

    /// Sends a message that nobody waits for.
    func tell(_ process: SimulatedProcess, _ server: SimulatedServer, _ what: String, perform: @escaping () -> Void) {
        guard !process.isDead else { return }
        let scheduler = scheduler
        let fate = faultRate > 0 && scheduler.random.once(in: faultRate) ? scheduler.random.below(3) + 1 : 0
        if fate == 1 { return scheduler.note("lost \(what)", 1) }
        let delay = scheduler.random.within(50...(fate == 2 ? 3_000_000 : 2_000))
        scheduler.after(delay) { if !server.isAway(scheduler.now) { perform() } }
        if fate == 3 {
            scheduler.note("doubled \(what)", 3)
            scheduler.after(delay * 2) { if !server.isAway(scheduler.now) { perform() } }
        }
    }
}
