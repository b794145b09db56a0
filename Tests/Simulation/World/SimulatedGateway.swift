import Admission
import Foundation
import Ledger
import Logging
import Money
import NIOPosix
import Synchronization

/// The product's parts of one gateway process, over a world's models.
// Sendable because only the thread that runs the simulation ever touches it.
final class SimulatedGateway: @unchecked Sendable {
    let process: SimulatedProcess
    let machine: Int
    let world: World
    let appender: Appender
    let spool: OutcomeSpool
    let outcomes: OutcomeWriter
    let lease: InstanceLease
    let admission: AdmissionClient
    let store: AdmissionStore
    let redis: SimulatedRedis
    private let mirror: AdmissionMirror
    private let recovery: Recovery
    private let postgres: SimulatedPostgres
    /// Whether its spool was drained and it takes requests.
    private(set) var isOpen = false

    /// Only a name: nothing runs on it.
    static let loop = MultiThreadedEventLoopGroup.singleton.next()

    init(_ process: SimulatedProcess, machine: Int, world: World) throws {
        self.process = process
        self.machine = machine
        self.world = world
        let surroundings = process.surroundings
        let postgres = SimulatedPostgres(world: world, process: process)
        let appender = Appender(server: postgres, surroundings: surroundings, maximumBatch: 8, logger: world.quiet)
        let spool = try OutcomeSpool(directory: "spool", disk: world.disks[machine].view(of: process), logger: world.quiet)
        let epochs = EpochStarter(appender: appender, reads: postgres)
        let trust = RedisTrust(reads: postgres, epochs: epochs, surroundings: surroundings, logger: world.quiet)
        let redis = SimulatedRedis(world, process)
        redis.trust = trust
        let store = AdmissionStore(reads: postgres, epochs: epochs, trust: trust, surroundings: surroundings) { _ in redis }
        let lease = InstanceLease(
            instance: InstanceID(foreign: "simulation", "instance \(process.name)"), book: postgres, surroundings: surroundings,
            logger: world.quiet)
        var configuration = AdmissionClient.Configuration()
        configuration.sweepInterval = .seconds(10)
        self.appender = appender
        self.spool = spool
        self.lease = lease
        self.store = store
        self.redis = redis
        self.postgres = postgres
        outcomes = OutcomeWriter(appender: appender, spool: spool, surroundings: surroundings, logger: world.quiet) {
            stream, version in
            try await postgres.ask("stream") { world.ledger.stream(stream).first { $0.version == version }?.event.type }
        }
        admission = AdmissionClient(
            store: store, postgres: nil, instance: lease.instance, configuration: configuration, logger: world.quiet)
        mirror = AdmissionMirror(store: store, logger: world.quiet)
        recovery = Recovery(store: store, appender: appender, lease: lease, interval: .seconds(20), logger: world.quiet)
    }

    /// Begins what `serve` begins.
    func begin() {
        process.begin { [self] in try? await appender.run() }
        process.begin { [self] in await lease.run() }
        process.begin { [self] in await outcomes.run() }
        process.begin { [self] in await admission.run() }
        process.begin { [self] in await recovery.run() }
        process.begin { [self] in await project() }
        process.begin { [self] in
            do {
                try await lease.renew()
                try await outcomes.drain()
                isOpen = true
            } catch {
                if error is FileError, !process.isDead, world.disks[machine].faultRate == 0, !process.isDoomed {
                    world.reference.fail("a sound disk failed at the start: \(error)")
                }
                // The process ends, and whoever looks after it starts another.
                process.isDoomed = true
            }
        }
    }

    /// Kills the process, and ends what its dead tasks wait for.
    func end() {
        process.kill()
        // Nothing that it is told can reach anything: it only lets the tasks of the dead process come to their ends.
        let appender = appender
        Task(executorPreference: process.executor) { await appender.shutdown() }
        process.settle()
    }

    // MARK: The projector

    private struct Batch: Sendable {
        let after: Int64
        let upto: Int64
        let events: [LedgerModel.Stored]
        let slices: [Slice]
        let firstEpochs: [OrganizationID: Int64]
    }

    /// Holds the projection while nobody else does, and applies batches: the tables and the checkpoint in one transaction, Redis
    /// before it.
    private func project() async {
        let world = world
        while !process.isDead {
            if let batch = try? await nextBatch() {
                do {
                    try await mirror.write(batch.slices, upto: batch.upto) { _ in batch.firstEpochs }
                    // As long as a message can be on its way that nobody takes for lost.
                    world.commitArrives = world.scheduler.now + Network.longestWay
                    try await postgres.ask("commit", mayComeLate: false) {
                        world.commitArrives = 0
                        guard world.tables.checkpoint == batch.after else { return }
                        world.tables.apply(batch.events, upto: batch.upto)
                        world.scheduler.note("projected", batch.upto)
                    }
                } catch {
                    await process.pause(100_000)
                }
            } else {
                let _: Void? = await process.wait { resume in
                    world.growth.append { resume(()) }
                    world.scheduler.after(5_000_000) { resume(()) }
                }
                await process.pause(world.scheduler.random.within(1_000...200_000))
            }
        }
    }

    private func nextBatch() async throws -> Batch? {
        let (world, process) = (world, process)
        return try await postgres.ask("batch") {
            guard world.projector == nil || world.projector === process || world.projector?.isDead == true else { return nil }
            guard world.scheduler.now >= world.commitArrives else { return nil }
            world.projector = process
            let after = world.tables.checkpoint
            guard world.ledger.head > after else { return nil }
            let upto = min(world.ledger.head, after + 1 + Int64(world.scheduler.random.below(12)))
            let events = Array(world.ledger.events[Int(after)..<Int(upto)])
            let slices = world.tables.slices(events)
            var epochs: [OrganizationID: Int64] = [:]
            for slice in slices where slice.previous == 0 {
                epochs[slice.organization] = world.ledger.epoch(of: slice.organization)
            }
            return Batch(after: after, upto: upto, events: events, slices: slices, firstEpochs: epochs)
        }
    }
}
