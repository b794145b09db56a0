internal import HTTPTypes
public import Hummingbird

extension Router {
    /// Answers what a path that exists does not know, after all routes are added.
    ///
    /// - Parameter refusal: The answer; it is given the request, and the methods that the path knows as `Allow` names them.
    public func refuseOtherMethods(_ refusal: @escaping @Sendable (Request, String) -> Response) {
        var methods: [String: Set<HTTPRequest.Method>] = [:]
        for route in routes { methods[route.path.description, default: []].insert(route.method) }
        for (path, known) in methods {
            let allow = (known.contains(.get) ? known.union([.head]) : known).map(\.rawValue).sorted().joined(separator: ", ")
            for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete, .options] where !known.contains(method) {
                on(RouterPath(path), method: method) { request, _ -> Response in refusal(request, allow) }
            }
        }
    }
}

extension Request {
    /// The request as routes know it: who asks for the head alone is answered as if the rest were asked for too, and whoever
    /// writes the answer leaves that out (RFC 9110, 9.3.2).
    public var routed: Request {
        guard method == .head else { return self }
        var head = head
        head.method = .get
        return Request(head: head, body: body)
    }
}
