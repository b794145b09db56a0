internal import Dialects
internal import HTTPTypes
internal import HummingbirdCore
internal import Ledger
internal import NIOCore
internal import Web

/// Reads a request's body, bounded in bytes, in time, and together with all others.
struct BodyReader: Sendable {
    let maximumBytes: Int
    let budget: ByteBudget
    /// A client that has not sent its whole body by then is refused: it holds memory and a connection.
    static let deadline: TimeAmount = .seconds(120)

    /// What ends the body of such a client, for whoever reads it.
    private struct Late: Error {}

    /// - Returns: the body, and the room that it takes while the request goes on.
    /// - Parameter owner: Whose request it is, where that is known.
    /// - Throws: 413 over the limit, 415 for one that is compressed, 408 after the deadline, 400 when the client stops in the
    ///   middle, 503 while other bodies take all the room.
    func read(
        _ request: Request, channel: any Channel, of owner: OrganizationID? = nil
    ) async throws(GatewayError) -> (bytes: [UInt8], room: ByteBudget.Room?) {
        if let declared = request.headers[.contentLength].flatMap(Int.init), declared > maximumBytes {
            throw GatewayError.tooLarge(limit: maximumBytes)
        }
        guard request.headers.bodyEncoding == nil else {
            throw GatewayError(
                APIError(
                    status: 415, message: "A compressed body is not read: send it without content-encoding.",
                    param: "content-encoding"))
        }
        let cutOff = channel.eventLoop.scheduleTask(in: Self.deadline) { channel.pipeline.fireErrorCaught(Late()) }
        defer { cutOff.cancel() }
        var bytes: [UInt8] = []
        var room: ByteBudget.Room?
        do {
            for try await chunk in request.body {
                let count = bytes.count + chunk.readableBytes
                guard count <= maximumBytes else { throw GatewayError.tooLarge(limit: maximumBytes) }
                guard budget.grow(&room, to: count, of: owner?.uuid) else { throw GatewayError.overloaded }
                bytes.append(contentsOf: chunk.readableBytesView)
            }
        } catch let error as GatewayError {
            throw error
        } catch is Late {
            throw GatewayError(APIError(status: 408, message: "The request body did not arrive in time."))
        } catch {
            throw GatewayError.invalid("The request body ended before it was complete.", param: nil)
        }
        return (bytes, room)
    }

    /// Whether there is room for what belongs to a request beside the body that was read of it.
    func hasRoom(for more: [UInt8], beside body: [UInt8], in room: inout ByteBudget.Room?, of owner: OrganizationID) -> Bool {
        budget.grow(&room, to: body.count + more.count, of: owner.uuid)
    }
}
