internal import FoundationEssentials
internal import HTTPTypes
public import Hummingbird

/// `GET /openapi.json`, also `/json` as existing clients of this API ask for it, and at `/docs` a page that shows it.
public struct OpenAPIRoutes: WebRoutes {
    private let document: OpenAPIDocument
    private let files: [String: (type: String, bytes: [UInt8])]

    /// What the page loads, and no other file of the folder.
    private static let types = ["docs.html": "text/html; charset=utf-8", "docs.css": "text/css", "docs.js": "text/javascript"]

    /// - Parameter folder: The folder `OpenAPI`, read once.
    public init(folder: String) throws(OpenAPIDocument.Unreadable) {
        document = try OpenAPIDocument(folder: folder)
        var files: [String: (type: String, bytes: [UInt8])] = [:]
        for (name, type) in Self.types {
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
                throw OpenAPIDocument.Unreadable(description: "\(folder)/\(name) can't be read")
            }
            files[name] = (type, [UInt8](data))
        }
        self.files = files
    }

    public func register(on router: Router<WebContext>) {
        let document = document.bytes
        for path in ["/openapi.json", "/json"] as [RouterPath] {
            router.get(path) { _, _ in Self.answer("application/json", document) }
        }
        let files = files
        for (path, fixed) in [("/docs", "docs.html"), ("/docs/:file", nil)] as [(RouterPath, String?)] {
            router.get(path) { _, context in
                guard let file = files[fixed ?? context.part("file")] else {
                    throw WebError.notFound("There is no such page.")
                }
                return Self.answer(file.type, file.bytes)
            }
        }
    }

    private static func answer(_ type: String, _ bytes: [UInt8]) -> Response {
        var response = Response(
            status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
        // The page runs its own script and asks this server alone.
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            + "frame-ancestors 'none'"
        return response
    }
}
