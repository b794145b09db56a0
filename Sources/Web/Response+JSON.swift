public import Hummingbird

extension Response {
    /// An answer in JSON.
    public static func json(_ value: WebValue, status: Int = 200) -> Response {
        Response(
            status: .init(code: status), headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: value.json)))
    }

    /// A table as CSV.
    ///
    /// - Parameter table: The names of the columns, then the rows.
    public static func csv(_ table: [[String]]) -> Response {
        Response(
            status: .ok, headers: [.contentType: CSV.mediaType],
            body: .init(byteBuffer: ByteBuffer(string: table.map { CSV.line($0) + "\n" }.joined())))
    }
}
