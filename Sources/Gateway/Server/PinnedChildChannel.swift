internal import HummingbirdCore
internal import Logging
internal import NIOCore

/// A child channel whose whole conversation runs on the event loop of its socket.
struct PinnedChildChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let executors: EventLoopTaskExecutors

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        base.setup(channel: channel, logger: logger)
    }

    func handle(value: Base.Value, logger: Logger) async {
        await withTaskExecutorPreference(executors.executor(of: value.channel.eventLoop)) {
            await base.handle(value: value, logger: logger)
        }
    }
}
