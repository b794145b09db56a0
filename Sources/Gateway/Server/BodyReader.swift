internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

/// Reads a request's body, bounded in bytes, in time, and together with all others.
struct BodyReader: Sendable {
    let maximumBytes: Int
    let budget: BodyBudget
    /// A client that has not sent its whole body by then is cut off: it holds memory and a connection.
    static let deadline: TimeAmount = .seconds(120)

    /// - Returns: the body, and the room that it takes while the request goes on.
    /// - Throws: 413 over the limit, 400 when the client stops in the middle, 503 while other bodies take all the room.
    func read(
        _ request: Request, channel: any Channel
    ) async throws(GatewayError) -> (bytes: [UInt8], room: BodyBudget.Room?) {
        if let declared = request.headers[.contentLength].flatMap(Int.init), declared > maximumBytes {
            throw GatewayError.tooLarge(limit: maximumBytes)
        }
        let cutOff = channel.eventLoop.scheduleTask(in: Self.deadline) { channel.close(promise: nil) }
        defer { cutOff.cancel() }
        var bytes: [UInt8] = []
        var room: BodyBudget.Room?
        do {
            for try await chunk in request.body {
                let before = bytes.count
                guard before + chunk.readableBytes <= maximumBytes else { throw GatewayError.tooLarge(limit: maximumBytes) }
                bytes.append(contentsOf: chunk.readableBytesView)
                let added = bytes.count - max(before, BodyBudget.freeBytes)
                guard added > 0 else { continue }
                let taken = room ?? budget.room()
                room = taken
                guard taken.take(added) else { throw GatewayError.overloaded }
            }
        } catch let error as GatewayError {
            throw error
        } catch {
            throw GatewayError.invalid("The request body ended before it was complete.", param: nil)
        }
        return (bytes, room)
    }
}
