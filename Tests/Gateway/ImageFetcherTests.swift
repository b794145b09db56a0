import HTTPTransport
import Logging
import Testing

@testable import Dialects
@testable import Gateway

@Suite struct ImageFetcherTests {
    @Test(arguments: [
        "http://127.0.0.1:1/a.png", "http://localhost:1/a.png", "http://[::1]:1/a.png", "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.png", "http://no-such-host.invalid/a.png", "http://0x7f000001/a.png",
        "http://[::ffff:127.0.0.1]/a.png",
    ])
    func addressesThatAreNotPublicAreNotAsked(url: String) async throws {
        let transport = HTTPTransport(configuration: .init(), logger: Logger(label: "test"))
        let fetcher = ImageFetcher(transport: transport, allowsPrivateAddresses: false)
        let path = "messages[0].content[0].image_url.url"
        let failure = await #expect(throws: UpstreamFailure.self) {
            try await fetcher.images([RemoteImage(url: url, path: path)])
        }
        #expect(failure?.status == 400 && failure?.isProvidersFault == false)
        let told = String(decoding: failure?.body ?? [], as: UTF8.self)
        #expect(told.contains("it can't be reached at a public address"))
        await transport.shutdown()
    }

    @Test(
        arguments: [
            ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "data:image/png;base64,iVBORw0KGgo="),
            ([0xFF, 0xD8, 0xFF, 0xE0], "data:image/jpeg;base64,/9j/4A=="),
            (Array("GIF89a".utf8), "data:image/gif;base64,R0lGODlh"),
            (Array("RIFF0000WEBP".utf8), "data:image/webp;base64,UklGRjAwMDBXRUJQ"), (Array("<svg/>".utf8), nil),
            (Array("RIFF0000WAVE".utf8), nil), ([], nil),
        ] as [([UInt8], String?)])
    func anImageIsWhatItsFirstBytesSay(bytes: [UInt8], url: String?) {
        #expect(RemoteImage.dataURL(bytes) == url)
    }
}
