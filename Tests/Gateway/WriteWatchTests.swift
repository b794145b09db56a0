import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

/// Its loop's time goes on by hand, the clock by itself.
@Suite struct WriteWatchTests {
    @Test func aWriteThatWaitsTooLongClosesTheConnection() async throws {
        let (channel, loop) = try Self.connected()
        let watch = WriteWatch(channel, patience: .milliseconds(40))
        watch.began()
        loop.advanceTime(by: .milliseconds(20))
        #expect(channel.isActive)
        try await Task.sleep(for: .milliseconds(60))
        loop.advanceTime(by: .milliseconds(20))
        #expect(!channel.isActive)
        watch.end()
    }

    @Test func aStreamThatMovesStays() async throws {
        let (channel, loop) = try Self.connected()
        let watch = WriteWatch(channel, patience: .milliseconds(40))
        watch.began()
        watch.ended()
        try await Task.sleep(for: .milliseconds(60))
        loop.advanceTime(by: .milliseconds(100))
        #expect(channel.isActive)
        watch.end()
        try await channel.close()
    }

    private static func connected() throws -> (EmbeddedChannel, EmbeddedEventLoop) {
        let loop = EmbeddedEventLoop()
        let channel = EmbeddedChannel(loop: loop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return (channel, loop)
    }
}
