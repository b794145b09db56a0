import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

/// The loop's time goes on by hand, and there is no other.
@Suite struct WriteWatchTests {
    @Test func aWriteThatWaitsTooLongClosesTheConnection() throws {
        let (channel, loop) = try Self.connected()
        let watch = WriteWatch(channel, patience: .seconds(60))
        watch.began()
        loop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        watch.end()
    }

    @Test func aStreamThatMovesStays() throws {
        let (channel, loop) = try Self.connected()
        let watch = WriteWatch(channel, patience: .seconds(60))
        watch.began()
        watch.ended()
        loop.advanceTime(by: .seconds(59))
        watch.began()
        loop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        watch.end()
        try channel.close().wait()
    }

    private static func connected() throws -> (EmbeddedChannel, EmbeddedEventLoop) {
        let loop = EmbeddedEventLoop()
        // A write's beginning is never the clock's zero, which stands for none.
        loop.advanceTime(by: .seconds(1))
        let channel = EmbeddedChannel(loop: loop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return (channel, loop)
    }
}
