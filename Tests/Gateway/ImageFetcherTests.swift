import HTTPTransport
import Logging
import Testing
import Web

@testable import Dialects
@testable import Gateway

@Suite struct ImageFetcherTests {
    private let bounds = RemoteImage.Bounds(count: 20, bytes: 4_000_000)

    @Test(arguments: [
        "http://127.0.0.1:1/a.png", "http://localhost:1/a.png", "http://[::1]:1/a.png", "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.png", "http://no-such-host.invalid/a.png", "http://0x7f000001/a.png",
        "http://[::ffff:127.0.0.1]/a.png",
    ])
    func addressesThatAreNotPublicAreNotAsked(url: String) async throws {
        let transport = HTTPTransport(configuration: .init(), logger: Logger(label: "test"))
        let budget = ByteBudget(maximumBytes: 1 << 20)
        let fetcher = ImageFetcher(transport: transport, allowsPrivateAddresses: false, budget: budget)
        let path = "messages[0].content[0].image_url.url"
        let failure = await #expect(throws: UpstreamFailure.self) {
            var fetched = FetchedImages()
            try await fetcher.fetch([RemoteImage(url: url, path: path)], within: bounds, into: &fetched)
        }
        #expect(failure?.status == 400 && failure?.isProvidersFault == false)
        let told = String(decoding: failure?.body ?? [], as: UTF8.self)
        #expect(told.contains("it can't be reached at a public address"))
        await transport.shutdown()
    }

    /// An image of so many bytes that was fetched before, in so many parts, beside which bodies have taken nothing yet.
    private func show(
        _ size: Int, in parts: Int, within budget: ByteBudget
    ) async -> (failure: UpstreamFailure?, images: FetchedImages) {
        let transport = HTTPTransport(configuration: .init(), logger: Logger(label: "test"))
        let fetcher = ImageFetcher(transport: transport, allowsPrivateAddresses: false, budget: budget)
        let url = "http://127.0.0.1:1/a.png"
        var fetched = FetchedImages()
        fetched.keep("data:image/png;base64,", of: url, size: size)
        var failure: UpstreamFailure?
        do throws(UpstreamFailure) {
            let images = (0..<parts).map { RemoteImage(url: url, path: "messages[\($0)]") }
            try await fetcher.fetch(images, within: bounds, into: &fetched)
        } catch {
            failure = error
        }
        await transport.shutdown()
        return (failure, fetched)
    }

    @Test(arguments: [(1, nil), (5, nil), (6, 400), (20, 400), (21, 400)] as [(Int, Int?)])
    func anImageCountsAsOftenAsItIsShown(_ parts: Int, _ status: Int?) async {
        let budget = ByteBudget(maximumBytes: 100 << 20)
        let shown = await show(3_900_000, in: parts, within: budget)
        #expect(shown.failure?.status == status)
        let reason = parts > 20 ? "at most 20 images" : "too large"
        #expect(String(decoding: shown.failure?.body ?? [], as: UTF8.self).contains(reason) == (status != nil))
    }

    @Test func anImageThatOneProviderTakesCanBeTooLargeForTheNext() async {
        let budget = ByteBudget(maximumBytes: 100 << 20)
        let (large, tooLarge) = (await show(4_000_000, in: 1, within: budget), await show(4_000_001, in: 1, within: budget))
        #expect(large.failure?.status == nil && tooLarge.failure?.status == 400)
    }

    @Test func whatIsFetchedTakesRoomAsABodyDoes() async {
        let budget = ByteBudget(maximumBytes: 1_000_000)
        var shown: FetchedImages? = await show(300_000, in: 2, within: budget).images
        #expect(shown?.room != nil && budget.takenBytes == 2 * 400_000 - ByteBudget.freeBytes)
        shown = nil
        #expect(budget.takenBytes == 0)
        let failure = await show(300_000, in: 3, within: budget).failure
        #expect(failure?.status == 503 && failure?.retryAfter == 1 && budget.takenBytes == 0)
        // A provider that takes addresses may do better, and none has done anything wrong.
        #expect(failure?.mayGoElsewhere == true && failure?.report == .neither)
        #expect(failure?.unifiedFinishReason == .gatewayError)
    }

    @Test(
        arguments: [
            ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "data:image/png;base64,iVBORw0KGgo="),
            ([0xFF, 0xD8, 0xFF, 0xE0], "data:image/jpeg;base64,/9j/4A=="),
            (Array("GIF89a".utf8), "data:image/gif;base64,R0lGODlh"),
            (Array("RIFF0000WEBP".utf8), "data:image/webp;base64,UklGRjAwMDBXRUJQ"), (Array("<svg/>".utf8), nil),
            (Array("0000ftypheic".utf8), "data:image/heic;base64,MDAwMGZ0eXBoZWlj"),
            (Array("0000ftypmif1".utf8), "data:image/heif;base64,MDAwMGZ0eXBtaWYx"), (Array("0000ftypisom".utf8), nil),
            (Array("RIFF0000WAVE".utf8), nil), ([], nil),
        ] as [([UInt8], String?)])
    func anImageIsWhatItsFirstBytesSay(bytes: [UInt8], url: String?) {
        #expect(RemoteImage.dataURL(bytes) == url)
    }
}
