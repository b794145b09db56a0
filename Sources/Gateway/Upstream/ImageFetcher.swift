internal import Dialects
internal import HTTPTransport
internal import Ledger
internal import Web

/// Fetches the images that a request gives by address, for providers that take nothing but data.
///
/// Whoever writes a request chooses the addresses, so they lead to public ones only, each step of a redirect too, and what is
/// fetched is bounded in number, in bytes and in time, and together with all bodies: it is as much of one as if the request had
/// brought it itself. Nothing of an answer that is no image is told to anybody.
struct ImageFetcher: Sendable {
    let transport: HTTPTransport
    let allowsPrivateAddresses: Bool
    /// Of all bodies.
    let budget: ByteBudget
    /// Whose request it is.
    let owner: OrganizationID?

    /// All images of a request, in bytes, each as often as the request shows it: as much as a request may bring itself.
    static let maximumTotalBytes = 20 << 20
    /// All images of a request.
    static let deadline = Duration.seconds(15)
    private static let maximumRedirects = 3

    init(transport: HTTPTransport, allowsPrivateAddresses: Bool, budget: ByteBudget, owner: OrganizationID? = nil) {
        self.transport = transport
        self.allowsPrivateAddresses = allowsPrivateAddresses
        self.budget = budget
        self.owner = owner
    }

    init(gateway: Gateway, owner: OrganizationID) {
        self.init(
            transport: gateway.transport, allowsPrivateAddresses: gateway.configuration.allowsPrivateProviderURLs,
            budget: gateway.bodies.budget, owner: owner)
    }

    /// Fetches what is not there yet of `images`, all that a request shows by address; each address is asked once.
    ///
    /// - Parameter bounds: What the provider takes.
    /// - Throws: 400 naming the field of the image that can't be fetched, 503 while bodies take all the room.
    func fetch(
        _ images: [RemoteImage], within bounds: RemoteImage.Bounds, into fetched: inout FetchedImages
    ) async throws(UpstreamFailure) {
        guard images.count <= bounds.count else {
            throw UpstreamFailure(.invalid("messages", "at most \(bounds.count) images can be given by their addresses"))
        }
        let end = ContinuousClock.now + Self.deadline
        var left = Self.maximumTotalBytes
        var taken = 0
        // A part has a copy of its own of what it shows, in the tree of the request and in its body.
        var parts = Dictionary(images.map { ($0.url, 1) }, uniquingKeysWith: +)
        for image in images {
            guard let count = parts.removeValue(forKey: image.url) else { continue }
            do throws(Refusal) {
                let limit = min(left / count, bounds.bytes)
                let size = try await size(of: image.url, in: count, upTo: limit, beside: taken, until: end, &fetched)
                left -= size * count
                taken += Self.inBase64(size) * count
            } catch {
                switch error {
                case .noRoom: throw UpstreamFailure.overloaded
                case .image(let reason):
                    throw UpstreamFailure(.invalid(image.path, "the image at \"\(image.path)\" can't be fetched: \(reason)"))
                }
            }
        }
    }

    private enum Refusal: Error {
        /// Something is wrong with the image.
        case image(String)
        /// Bodies take all that they may.
        case noRoom
    }

    private static func inBase64(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// The bytes of an image that is there by then, with room for `count` parts that show it.
    private func size(
        of url: String, in count: Int, upTo limit: Int, beside taken: Int, until end: ContinuousClock.Instant,
        _ fetched: inout FetchedImages
    ) async throws(Refusal) -> Int {
        var room = fetched.room
        if let size = fetched.size(of: url) {
            guard size <= limit else { throw .image(Self.tooLarge) }
            let all = taken + Self.inBase64(size) * count
            guard budget.grow(&room, to: all, of: owner?.uuid) else { throw .noRoom }
            fetched.room = room
            return size
        }
        let bytes = try await fetch(
            url, until: end, upTo: limit,
            whenRoom: { budget.grow(&room, to: taken + Self.inBase64($0) * count, of: owner?.uuid) })
        guard let data = RemoteImage.dataURL(bytes) else { throw .image("it is no PNG, JPEG, GIF, WebP or HEIC image") }
        fetched.room = room
        fetched.keep(data, of: url, size: bytes.count)
        return bytes.count
    }

    private func fetch(
        _ url: String, until end: ContinuousClock.Instant, upTo limit: Int, whenRoom hasRoom: (Int) -> Bool
    ) async throws(Refusal) -> [UInt8] {
        var url = url
        for _ in 0...Self.maximumRedirects {
            let left = end - .now
            guard left > .zero else { throw Refusal.image("it takes too long") }
            do {
                let response = try await transport.execute(
                    HTTPTransportRequest(
                        method: "GET", url: url, headers: [("accept", "image/*")],
                        deadlines: .init(connect: min(left, .seconds(5)), firstByte: left, idle: left, total: left),
                        allowPrivateAddresses: allowsPrivateAddresses))
                switch response.status {
                case 200: return try await response.collect(upTo: limit, whenRoom: hasRoom)
                case 301, 302, 303, 307, 308:
                    response.cancel()
                    guard let next = Self.target(response.header("location"), of: url) else {
                        throw Refusal.image("it leads nowhere")
                    }
                    url = next
                default:
                    response.cancel()
                    throw Refusal.image("its server answered with status \(response.status)")
                }
            } catch let error as HTTPTransportError {
                throw error.code == .noRoom ? Refusal.noRoom : Refusal.image(Self.reason(error))
            } catch let refusal as Refusal {
                throw refusal
            } catch {
                throw Refusal.image("the transfer failed")
            }
        }
        throw Refusal.image("it leads on too often")
    }

    /// Where a redirect leads: to a whole URL, or to a path at the same server.
    private static func target(_ location: String?, of url: String) -> String? {
        guard let location else { return nil }
        if location.hasPrefix("https://") || location.hasPrefix("http://") { return location }
        guard location.hasPrefix("/"), !location.hasPrefix("//") else { return nil }
        let scheme = url.prefix { $0 != "/" } + "//"
        return scheme + url.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" } + location
    }

    private static let tooLarge = "it is too large"

    private static func reason(_ error: HTTPTransportError) -> String {
        switch error.code {
        case .invalidRequest: "its URL is not valid"
        // The same words for all: whether a name exists in this network is nobody's business.
        case .addressRefused, .resolveFailed, .connectFailed, .tlsFailed: "it can't be reached at a public address"
        case .connectDeadline, .firstByteDeadline, .idleDeadline, .totalDeadline: "it takes too long"
        case .tooLarge: tooLarge
        case .reset, .truncated, .protocolError, .cancelled, .shutDown, .noRoom: "the transfer failed"
        }
    }
}
