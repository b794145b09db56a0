public import Hummingbird
internal import NIOCore

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder

/// Reads the JSON body of a request.
public enum WebBody {
    /// The most bytes of a body, unless a route says otherwise.
    public static let maximumBytes = 1 << 20
    /// The most bytes of a body that is a few fields: as much as takes no room, so that nobody is kept from signing in.
    public static let smallBytes = ByteBudget.freeBytes
    /// How long a client may take to send its body, unless a route says otherwise.
    public static let deadline: Duration = .seconds(30)

    /// Reads the body as a `Body`. Members that `Body` does not declare are not looked at, so that nothing is set that the
    /// route does not name.
    ///
    /// - Parameters:
    ///   - limit: The most bytes of it.
    ///   - deadline: How long it may take.
    /// - Throws: 413 over the limit, 415 for another content type than JSON or a compressed body, 408 for a client that stops
    ///   sending, 503 while other bodies take all the room, 400 for everything else, with the path of the member at fault
    ///   (`ruleValue.models.0`) as the field.
    public static func read<Body: Decodable & Sendable>(
        _ type: Body.Type = Body.self, from request: Request, upTo limit: Int = maximumBytes,
        within deadline: Duration = WebBody.deadline
    ) async throws(WebError) -> Body {
        try decode(type, from: try await json(of: request, upTo: limit, within: deadline))
    }

    /// The JSON text of a body, for what a `Decodable` does not see of it; see ``read(_:from:upTo:within:)``.
    public static func json(
        of request: Request, upTo limit: Int = maximumBytes, within deadline: Duration = WebBody.deadline
    ) async throws(WebError) -> [UInt8] {
        if let contentType = request.headers[.contentType] {
            let media = contentType.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() } ?? ""
            guard media == "application/json" || media.hasSuffix("+json") else {
                throw WebError(415, "The body must be application/json.")
            }
        }
        return try await bytes(of: request, upTo: limit, within: deadline)
    }

    /// Reads JSON text as a `Body`; see ``read(_:from:upTo:within:)``.
    public static func decode<Body: Decodable>(_ type: Body.Type, from bytes: [UInt8]) throws(WebError) -> Body {
        guard !bytes.isEmpty else { throw WebError.invalid(nil, "The request needs a JSON body.") }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw WebError(error)
        } catch {
            throw WebError.invalid(nil, "The body is not valid JSON.")
        }
    }

    /// The whole body as it came.
    ///
    /// - Parameters:
    ///   - limit: The most bytes of it.
    ///   - deadline: How long it may take.
    /// - Throws: 413 over the limit, 415 for a compressed body, 408 for a client that stops sending, 503 while other bodies take all
    ///   the room, 400 for a body that ends early.
    public static func bytes(
        of request: Request, upTo limit: Int = maximumBytes, within deadline: Duration = WebBody.deadline
    ) async throws(WebError) -> [UInt8] {
        let tooLarge = WebError(413, "The body is larger than \(limit) bytes.")
        if let declared = request.headers[.contentLength].flatMap(Int.init), declared > limit { throw tooLarge }
        guard request.headers.bodyEncoding == nil else {
            throw WebError(415, "A compressed body is not read: send it without content-encoding.", field: "content-encoding")
        }
        let result: Result<[UInt8], WebError> = await withTaskGroup(of: Result<[UInt8], WebError>.self) { group in
            group.addTask {
                do {
                    var bytes: [UInt8] = []
                    for try await chunk in request.body {
                        guard chunk.readableBytes <= limit - bytes.count else { return .failure(tooLarge) }
                        bytes.append(contentsOf: chunk.readableBytesView)
                    }
                    return .success(bytes)
                } catch let error as WebError {
                    return .failure(error)
                } catch {
                    return .failure(.invalid(nil, "The body ended before it was complete."))
                }
            }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return .failure(WebError(408, "The body did not arrive in time."))
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(.invalid(nil, "The body could not be read."))
        }
        return try result.get()
    }
}

extension WebError {
    /// Says where the body is wrong, without any of its values.
    init(_ error: DecodingError) {
        func field(_ path: [any CodingKey]) -> String? {
            path.isEmpty ? nil : path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            let path = field(context.codingPath + [key])
            self = .invalid(path, "\(path ?? "A member") is required.")
        case .valueNotFound(_, let context):
            self = .invalid(field(context.codingPath), "\(field(context.codingPath) ?? "The body") must not be null.")
        case .typeMismatch(let type, let context):
            self = .invalid(
                field(context.codingPath), "\(field(context.codingPath) ?? "The body") must be \(Self.name(of: type)).")
        case .dataCorrupted(let context):
            let path = field(context.codingPath)
            self = .invalid(
                path, path.map { "\($0) is not valid: \(context.debugDescription)." } ?? "The body is not valid JSON.")
        @unknown default:
            self = .invalid(nil, "The body is not valid.")
        }
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [String: Any].Type: "an object"
        case is [Any].Type: "an array"
        default: "of another type"
        }
    }
}
