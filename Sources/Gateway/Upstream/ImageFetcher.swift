internal import Dialects
internal import HTTPTransport

/// Fetches the images that a request gives by address, for providers that take nothing but data.
///
/// Whoever writes a request chooses the addresses, so they lead to public ones only, each step of a redirect too, and what is
/// fetched is bounded in number, in bytes and in time. Nothing of an answer that is no image is told to anybody.
struct ImageFetcher: Sendable {
    let transport: HTTPTransport
    let allowsPrivateAddresses: Bool

    /// Amazon Bedrock takes no more images in a message, and none that is larger; Google, for which the others are fetched, takes more
    /// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html).
    static let maximumCount = 20
    static let maximumBytes = 3_932_160
    /// All images of a request, in bytes: as much as a request may bring itself.
    static let maximumTotalBytes = 20 << 20
    /// All images of a request.
    static let deadline = Duration.seconds(15)
    private static let maximumRedirects = 3

    init(transport: HTTPTransport, allowsPrivateAddresses: Bool) {
        self.transport = transport
        self.allowsPrivateAddresses = allowsPrivateAddresses
    }

    init(gateway: Gateway) {
        self.init(transport: gateway.transport, allowsPrivateAddresses: gateway.configuration.allowsPrivateProviderURLs)
    }

    /// Data URLs of `images` by their addresses; each address is asked once.
    ///
    /// - Throws: 400 naming the field of the image that can't be fetched.
    func images(_ images: [RemoteImage]) async throws(UpstreamFailure) -> [String: String] {
        guard !images.isEmpty else { return [:] }
        guard images.count <= Self.maximumCount else {
            throw UpstreamFailure(.invalid("messages", "at most \(Self.maximumCount) images can be given by their addresses"))
        }
        let end = ContinuousClock.now + Self.deadline
        var left = Self.maximumTotalBytes
        var fetched: [String: String] = [:]
        for image in images where fetched[image.url] == nil {
            do throws(Refusal) {
                let bytes = try await fetch(image.url, until: end, upTo: min(left, Self.maximumBytes))
                left -= bytes.count
                guard let data = RemoteImage.dataURL(bytes) else { throw Refusal("it is no PNG, JPEG, GIF or WebP image") }
                fetched[image.url] = data
            } catch {
                throw UpstreamFailure(.invalid(image.path, "the image at \"\(image.path)\" can't be fetched: \(error.reason)"))
            }
        }
        return fetched
    }

    private struct Refusal: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    private func fetch(_ url: String, until end: ContinuousClock.Instant, upTo limit: Int) async throws(Refusal) -> [UInt8] {
        var url = url
        for _ in 0...Self.maximumRedirects {
            let left = end - .now
            guard left > .zero else { throw Refusal("it takes too long") }
            do {
                let response = try await transport.execute(
                    HTTPTransportRequest(
                        method: "GET", url: url, headers: [("accept", "image/*")],
                        deadlines: .init(connect: min(left, .seconds(5)), firstByte: left, idle: left, total: left),
                        allowPrivateAddresses: allowsPrivateAddresses))
                switch response.status {
                case 200: return try await response.collect(upTo: limit)
                case 301, 302, 303, 307, 308:
                    response.cancel()
                    guard let next = Self.target(response.header("location"), of: url) else {
                        throw Refusal("it leads nowhere")
                    }
                    url = next
                default:
                    response.cancel()
                    throw Refusal("its server answered with status \(response.status)")
                }
            } catch let error as HTTPTransportError {
                throw Refusal(Self.reason(error))
            } catch let refusal as Refusal {
                throw refusal
            } catch {
                throw Refusal("the transfer failed")
            }
        }
        throw Refusal("it leads on too often")
    }

    /// Where a redirect leads: to a whole URL, or to a path at the same server.
    private static func target(_ location: String?, of url: String) -> String? {
        guard let location else { return nil }
        if location.hasPrefix("https://") || location.hasPrefix("http://") { return location }
        guard location.hasPrefix("/"), !location.hasPrefix("//") else { return nil }
        let scheme = url.prefix { $0 != "/" } + "//"
        return scheme + url.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" } + location
    }

    private static func reason(_ error: HTTPTransportError) -> String {
        switch error.code {
        case .invalidRequest: "its URL is not valid"
        // The same words for all: whether a name exists in this network is nobody's business.
        case .addressRefused, .resolveFailed, .connectFailed, .tlsFailed: "it can't be reached at a public address"
        case .connectDeadline, .firstByteDeadline, .idleDeadline, .totalDeadline: "it takes too long"
        case .tooLarge: "it is too large"
        case .noRoom: "there is no memory for it now"
        case .reset, .truncated, .protocolError, .cancelled, .shutDown: "the transfer failed"
        }
    }
}
