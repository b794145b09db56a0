public import Hummingbird

extension Response {
    /// An answer in JSON.
    public static func json(_ value: WebValue, status: Int = 200) -> Response {
        Response(
            status: .init(code: status), headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: value.json)))
    }
}
