package import Ledger
package import NIOCore

/// What the parts of admission share: the way to Redis, what is read of Postgres, and whether the one is believed.
package struct AdmissionStore: Sendable {
    package let reads: any AdmissionReads
    package let epochs: EpochStarter
    package let trust: RedisTrust
    let surroundings: Surroundings
    private let connect: @Sendable ((any EventLoop)?) -> any AdmissionConnection

    /// - Parameter connect: the connection of an event loop, or any where there is none.
    package init(
        reads: any AdmissionReads, epochs: EpochStarter, trust: RedisTrust, surroundings: Surroundings,
        connect: @escaping @Sendable ((any EventLoop)?) -> any AdmissionConnection
    ) {
        self.reads = reads
        self.epochs = epochs
        self.trust = trust
        self.surroundings = surroundings
        self.connect = connect
    }

    var any: any AdmissionConnection { connect(nil) }

    func connection(for eventLoop: any EventLoop) -> any AdmissionConnection { connect(eventLoop) }
}
