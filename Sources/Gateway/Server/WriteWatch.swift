internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Synchronization

/// Closes the connection of a client that reads nothing more of its stream: a write that waits for it has no other end.
final class WriteWatch: Sendable {
    /// How long a write may wait; it is looked at every half of that.
    static let patience: TimeAmount = .seconds(60)

    private final class Write: Sendable {
        /// When the write that is going on began, in nanoseconds of the event loop's clock; 0 while there is none.
        let began = Atomic<UInt64>(0)
    }

    private let write = Write()
    private let loop: any EventLoop
    private let timer: RepeatedTask

    init(_ channel: any Channel, patience: TimeAmount = WriteWatch.patience) {
        let half = TimeAmount.nanoseconds(patience.nanoseconds / 2)
        let loop = channel.eventLoop
        self.loop = loop
        timer = loop.scheduleRepeatedTask(initialDelay: half, delay: half) { [write] _ in
            let began = write.began.load(ordering: .relaxed)
            guard began > 0, loop.now - .uptimeNanoseconds(began) >= patience else { return }
            channel.close(promise: nil)
        }
    }

    func began() { write.began.store(loop.now.uptimeNanoseconds, ordering: .relaxed) }
    func ended() { write.began.store(0, ordering: .relaxed) }

    /// The stream is over.
    func end() { timer.cancel() }
}

/// A body whose writes are watched.
struct WatchedBody<Body: ResponseBodyWriter>: ResponseBodyWriter {
    private var body: Body
    private let watch: WriteWatch

    init(_ body: Body, watch: WriteWatch) {
        self.body = body
        self.watch = watch
    }

    @concurrent
    mutating func write(_ buffer: ByteBuffer) async throws {
        watch.began()
        defer { watch.ended() }
        try await body.write(buffer)
    }

    @concurrent
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        watch.began()
        defer { watch.ended() }
        try await body.finish(trailingHeaders)
    }
}

extension ResponseWriter {
    /// Writes a whole answer. A large one goes in slices that wait for its client: the connection is neither idle nor at rest
    /// then, so that nobody closes it before the client has read what it is charged for.
    @concurrent
    consuming func write(_ body: ByteBuffer, head: HTTPResponse, to channel: any Channel) async throws {
        guard body.readableBytes > Self.sliceBytes else {
            try await write(response: head, body: .init(byteBuffer: body))
            return
        }
        let watch = WriteWatch(channel)
        defer { watch.end() }
        // Each slice in time is not enough: an answer takes memory until the last of it is gone.
        let patience = WriteWatch.patience + .seconds(Int64(body.readableBytes / Self.leastBytesASecond))
        let end = channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        defer { end.cancel() }
        var watched = WatchedBody(try await writeHead(head), watch: watch)
        var rest = body
        while let slice = rest.readSlice(length: min(rest.readableBytes, Self.sliceBytes)), slice.readableBytes > 0 {
            try await watched.write(slice)
        }
        try await watched.finish(nil)
    }

    private static var sliceBytes: Int { 64 << 10 }
    /// A quarter of what a slow connection of a telephone has.
    private static var leastBytesASecond: Int { 32 << 10 }
}
