internal import HTTPTypes
internal import Ledger
internal import Web

extension Gateway {
    /// Where a request came from, and the application's own headers: they lie beside the ledger, under the request's first event,
    /// and can be forgotten.
    func annotate(_ event: EventID, first incoming: IncomingRequest) {
        let address = configuration.trustedProxies.client(peer: incoming.peerAddress, headers: incoming.headers)
        let headers = incoming.labels.headers
        guard address != nil || incoming.headers[.userAgent] != nil || !headers.isEmpty else { return }
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        if let address { writer.member("address", address) }
        if let agent = incoming.headers[.userAgent] { writer.member("user_agent", String(agent.prefix(256))) }
        if !headers.isEmpty {
            writer.key("headers")
            writer.beginObject()
            for header in headers {
                writer.key(escaping: header.name)
                writer.value(header.value)
            }
            writer.endObject()
        }
        writer.endObject()
        annotations.put(event: event, kind: "client", body: writer.bytes)
    }
}
