internal import Ledger

/// The bodies of one request, sealed: their digests go into the outcome, and once that is durable, they go beside the ledger.
struct KeptBodies: Sendable {
    private let bodies: [(kind: String, body: [UInt8], sealed: PayloadStore.Sealed)]

    /// Seals what is there and not longer than what `writer` keeps.
    init(_ admitted: AdmittedRequest, _ ending: Ending, writer: PayloadWriter) {
        let traced = admitted.trace?.kept
        for _ in 0..<(traced?.tooLong ?? 0) { writer.drop() }
        let all: [(kind: String, body: [UInt8]?)] = [
            ("prompt", admitted.understood.entered.original), ("completion", ending.completion),
            ("upstream_request", traced?.request), ("upstream_answer", traced?.answer),
        ]
        bodies = all.compactMap { kind, body in
            guard let body else { return nil }
            guard body.count <= writer.maximumBytes else {
                writer.drop()
                return nil
            }
            return (kind, body, PayloadStore.seal(body))
        }
    }

    /// nil when nothing is kept.
    var digests: BodyDigests? {
        func digest(_ kind: String) -> String? { bodies.first { $0.kind == kind }?.sealed.digestText }
        guard !bodies.isEmpty else { return nil }
        return BodyDigests(
            prompt: digest("prompt"), completion: digest("completion"), upstreamRequest: digest("upstream_request"),
            upstreamAnswer: digest("upstream_answer"))
    }

    func put(of request: RequestID, into writer: PayloadWriter) {
        for (kind, body, sealed) in bodies { writer.put(request: request, kind: kind, body: body, sealed: sealed) }
    }
}
