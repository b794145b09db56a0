internal import struct FoundationEssentials.Data

/// An image that a request gives by its address, for a provider that takes nothing but data.
public struct RemoteImage: Sendable, Hashable {
    /// An `http` or `https` URL, as the client wrote it.
    public let url: String
    /// The field that holds it: `messages[0].content[1].image_url.url`.
    public let path: String

    /// How many images of a request are fetched for a provider, and how many bytes each may have.
    public struct Bounds: Sendable, Hashable {
        public let count: Int
        public let bytes: Int

        /// Claude's: at most 5 MiB in base64 each, and 100 of them
        /// (https://platform.claude.com/docs/en/build-with-claude/vision).
        static let claude = Bounds(count: 100, bytes: 3_932_160)
    }

    /// The data URL of an image that was fetched; nil when the bytes are none that models take.
    public static func dataURL(_ bytes: [UInt8]) -> String? {
        mediaType(of: bytes).map { "data:\($0);base64,\(Data(bytes).base64EncodedString())" }
    }

    /// What an image is, its first bytes say: servers often call it something else.
    static func mediaType(of bytes: some Collection<UInt8>) -> String? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            "image/png"
        } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            "image/jpeg"
        } else if bytes.starts(with: "GIF87a".utf8) || bytes.starts(with: "GIF89a".utf8) {
            "image/gif"
        } else if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
            "image/webp"
        } else if bytes.dropFirst(4).starts(with: "ftyp".utf8) {
            brands[String(decoding: bytes.dropFirst(8).prefix(4), as: UTF8.self)]
        } else {
            nil
        }
    }

    /// What a file of ISO's format that begins with `ftyp` says to be, where that is a still image (ISO/IEC 23008-12).
    private static let brands = [
        "heic": "image/heic", "heix": "image/heic", "heim": "image/heic", "heis": "image/heic", "mif1": "image/heif",
    ]
}
