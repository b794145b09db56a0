internal import NIOCore
internal import NIOHTTP1

/// Ends connections as HTTP/1.1 wants it, before the version of a message is forgotten: Hummingbird knows one spelling of
/// `Connection: close`, and reads on whatever follows a refusal. And refuses heads that are none, or not of one meaning, and lets
/// those send their bodies who wait for leave.
///
/// It stands between the parser and the translation to the types of swift-http-types.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// What the answer to a request depends on.
    private struct Asked {
        /// By a client of HTTP/1.0, which knows no chunks and takes a connection for closed unless it is told otherwise.
        let isOld: Bool
        let isHead: Bool
    }

    /// How long a client that has its answer may go on sending what nobody reads.
    static let patience: TimeAmount = .seconds(5)

    private let date: HTTPDateClock
    private let maximumBodyBytes: Int
    private var discarded = 0
    /// The requests that are not answered to the end, oldest first: a client may send several at once.
    private var asked = CircularBuffer<Asked>(initialCapacity: 2)
    /// Whether the newest of them has come to its end.
    private var isWhole = true
    /// Whether its client waits for leave to send its body.
    private var isHeld = false
    /// No request is taken after the newest.
    private var isLast = false
    /// The parser looks at nothing after the newest.
    private var stopsParser = false
    /// The connection ends with the answer that is being written.
    private var isClosing = false
    /// What is said when all before it is answered, instead of passing a request on.
    private var refusal: HeadRefusal?
    /// The last answer is written: what still comes is read, so that the client can read that answer, and thrown away.
    private var isLingering = false

    /// - Parameter maximumBodyBytes: The largest body that a request may have. Twice that is thrown away of what nobody reads: a
    ///   client that sends its whole body before it looks for an answer hears why it was refused.
    init(maximumBodyBytes: Int, date: HTTPDateClock) {
        self.maximumBodyBytes = maximumBodyBytes
        self.date = date
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard !isLast else { return }
            let fields = HeadFields(head)
            if let refusal = fields.refusal(of: head) { return refuse(refusal, context) }
            take(head, fields)
            letGo(context)
            context.fireChannelRead(data)
        case .body(let bytes):
            guard !isWhole else { return discard(bytes.readableBytes, context) }
            context.fireChannelRead(data)
        case .end:
            guard !isWhole else { return }
            isWhole = true
            context.fireChannelRead(data)
        }
    }

    private func take(_ head: HTTPRequestHead, _ fields: HeadFields) {
        asked.append(Asked(isOld: head.version == .http1_0, isHead: head.method == .HEAD))
        isWhole = false
        isHeld = fields.isToContinue(head, maximumBodyBytes: maximumBodyBytes)
        // The parser has read the list of `Connection` and knows what each version means without one. After an upgrade, which nobody
        // here does, it would parse nothing more.
        stopsParser = fields.hasUpgrade || head.method == .CONNECT
        isLast = !head.isKeepAlive || stopsParser
    }

    /// Lets the client send its body, when it has all answers to what it sent before.
    private func letGo(_ context: ChannelHandlerContext) {
        guard isHeld, asked.count == 1 else { return }
        isHeld = false
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func refuse(_ refusal: HeadRefusal, _ context: ChannelHandlerContext) {
        isLast = true
        self.refusal = refusal
        if asked.isEmpty { answer(refusal, context) }
    }

    private func answer(_ refusal: HeadRefusal, _ context: ChannelHandlerContext) {
        for part in refusal.parts(date: date.now()) { context.write(wrapOutboundOut(part), promise: nil) }
        linger(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Whoever is behind this handler asks for no more.
        if isLingering { read(context: context) }
    }

    /// Whatever follows a request after which the parser stops would only be kept.
    func read(context: ChannelHandlerContext) {
        guard !(stopsParser && isWhole) else { return }
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case ByteToMessageDecoderError.dataReceivedInErrorState(_, let bytes):
            discard(bytes.readableBytes, context)
        case let error as HTTPParserError:
            guard isWhole else {
                // Whoever reads the body has to hear it.
                isLast = true
                return context.fireErrorCaught(error)
            }
            // After the last request anything may come; the parser calls that an error.
            if !isLast { refuse(HeadRefusal(error), context) }
        default:
            context.fireErrorCaught(error)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isLingering else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        guard let current = asked.first else {
            context.write(data, promise: promise)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            // An answer before the body has come is a refusal: nobody waits for what is left of it.
            isClosing = asked.count == 1 && refusal == nil && (isLast || !isWhole)
            if isClosing || current.isOld {
                context.write(wrapOutboundOut(.head(closing(head, to: current))), promise: promise)
            } else {
                context.write(data, promise: promise)
            }
        case .body:
            pass(data, to: current, context, promise)
        case .end:
            asked.removeFirst()
            pass(data, to: current, context, promise)
            if isClosing {
                linger(context)
            } else if asked.isEmpty, let refusal {
                answer(refusal, context)
            } else {
                letGo(context)
            }
        }
    }

    /// Writes what follows a head, but where the head is all (RFC 9110, 9.3.2): its client takes whatever follows for the next answer,
    /// and the end of a body in chunks has bytes too.
    private func pass(
        _ data: NIOAny, to current: Asked, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) {
        if current.isHead { promise?.succeed(()) } else { context.write(data, promise: promise) }
    }

    /// The head that says what becomes of the connection.
    private func closing(_ head: HTTPResponseHead, to current: Asked) -> HTTPResponseHead {
        var head = head
        if current.isOld {
            // Of its version, and so without chunks; without a length either the end of the connection is the end of the answer.
            head.version = .http1_0
            if !head.headers.contains(name: "content-length") { isClosing = true }
        }
        head.headers.replaceOrAdd(name: "connection", value: isClosing ? "close" : "keep-alive")
        return head
    }

    /// Closes the sending side, and the other when the client has done so or takes too long.
    ///
    /// To close both at once would tell a client that still sends to forget the answer (RFC 9112, 9.6).
    private func linger(_ context: ChannelHandlerContext) {
        isLingering = true
        isLast = true
        isWhole = true
        let channel = context.channel
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { _ in
            let end = channel.eventLoop.scheduleTask(in: ConnectionHandler.patience) { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { _ in end.cancel() }
        }
        context.flush()
        context.close(mode: .output, promise: sent)
        read(context: context)
    }

    private func discard(_ count: Int, _ context: ChannelHandlerContext) {
        discarded += count
        if discarded > 2 * maximumBodyBytes { context.close(promise: nil) }
    }
}
