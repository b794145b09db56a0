package import Hummingbird
package import Ledger

/// Who makes a change, from where: what the audit trail keeps.
package struct Caller: Sendable {
    package let user: UserID
    package let session: String
    package let request: Ledger.RequestID
    /// Lies beside the ledger, and is forgotten with the person.
    package let origin: ChangeOrigin
    /// What led to the change: `api`, or what the gateway did by itself.
    package let source: String
    /// Throws 401 when whoever asked is not signed in any more: a client may take long to send a body, and its session may be ended
    /// meanwhile.
    package let confirm: @Sendable () async throws(WebError) -> Void

    package init(
        user: UserID, session: String = "", request: Ledger.RequestID = .mint(),
        origin: ChangeOrigin = ChangeOrigin(address: nil, userAgent: nil), source: String = "api",
        confirm: @escaping @Sendable () async throws(WebError) -> Void = { () throws(WebError) in }
    ) {
        self.user = user
        self.session = session
        self.request = request
        self.origin = origin
        self.source = source
        self.confirm = confirm
    }

    /// What decides nothing and names nobody beyond an id stays with the event.
    package var metadata: EventMetadata {
        EventMetadata(source: source, actor: user, session: session.isEmpty ? nil : session, request: request)
    }
}

extension SessionSource {
    /// Who asks; 401 when nobody is signed in.
    package func caller(_ request: Request, _ context: WebContext) async throws(WebError) -> Caller {
        let signedIn = try await signedIn(request, context)
        return Caller(
            user: signedIn.user, session: signedIn.session, request: context.webRequestID,
            origin: ChangeOrigin(address: context.clientAddress, userAgent: request.headers[.userAgent]),
            confirm: { () async throws(WebError) in _ = try await self.signedIn(request, context) })
    }
}

extension Request {
    /// A parameter of the query.
    package func parameter(_ name: String) -> String? { uri.queryParameters[Substring(name)].map(String.init) }
}
