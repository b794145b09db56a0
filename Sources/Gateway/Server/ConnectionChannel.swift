internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// A child channel of HTTP/1.1 with a ``ConnectionHandler`` behind its parser.
struct ConnectionChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let maximumBodyBytes: Int
    let date: HTTPDateClock

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        let value = base.setup(channel: channel, logger: logger)
        do {
            let pipeline = channel.pipeline.syncOperations
            let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(
                ConnectionHandler(maximumBodyBytes: maximumBodyBytes, date: date), position: .after(parser))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return value
    }

    func handle(value: Base.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
