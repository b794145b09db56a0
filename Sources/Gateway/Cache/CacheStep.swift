internal import Admission
internal import Catalogue
internal import Dialects
internal import HTTPTypes
internal import Ledger

/// What the cache is to a request of a project that caches.
struct CacheUse: Sendable {
    /// Names the request.
    let digest: [UInt8]
    /// How long the answer is given again.
    let seconds: Int64
    /// The answer that was given before; nil when the provider has to be asked.
    var found: CachedAnswer?

    /// The same where what was found may not be given.
    var missed: CacheUse { CacheUse(digest: digest, seconds: seconds) }
}

/// Looks for an answer that was given before, and keeps the one that was given now.
struct CacheStep: Sendable {
    let gateway: Gateway

    private static let noCache = HTTPField.Name("x-no-cache")

    /// nil where the project does not cache. With `x-no-cache: true` nothing is looked for, and the new answer takes the place of
    /// the old one.
    func look(for understood: UnderstoodRequest, by policy: OrganizationPolicy) async -> CacheUse? {
        let address = understood.address
        guard let seconds = policy.cacheSeconds[address.project],
            let digest = RequestDigest.digest(understood.entered, of: address, headers: understood.incoming.headers)
        else { return nil }
        var use = CacheUse(digest: digest, seconds: seconds)
        if Self.noCache.flatMap({ understood.incoming.headers[$0] })?.lowercased() == "true" { return use }
        use.found = await gateway.answers.answer(of: digest, project: address.project, within: seconds)
        return use
    }

    /// Keeps what the provider said, where it said something and said it to the end, under no bound that was lowered because
    /// little was left: whoever asks again may have more.
    ///
    /// - Parameters:
    ///   - tokens: How many it has; nil of vectors and verdicts, which have none: without one of those nothing is an answer.
    ///   - reasons: Why it ended, of each choice; nil of what is no completion and has none.
    func keep(_ body: [UInt8]?, of admitted: AdmittedRequest, from route: Route, tokens: Int64?, reasons: [String]?) {
        guard let use = admitted.cache, use.found == nil, let body, tokens != 0, !admitted.isLowered(at: route) else { return }
        if let reasons { guard !reasons.isEmpty, reasons.allSatisfy(Self.isWhole) else { return } }
        let address = admitted.understood.address
        gateway.answers.keep(
            CachedAnswer(provider: route.provider.id, model: route.mapping.upstreamName, providerKey: route.own?.id, body: body),
            of: use.digest,
            project: address.project, organization: address.organization, for: use.seconds)
    }

    /// Whether an answer that ended so is what another request would be answered: a failure passes.
    private static func isWhole(_ reason: String) -> Bool {
        switch UnifiedFinishReason(finishReason: reason) {
        case .completed, .lengthLimit, .toolCalls, .contentFilter: true
        case .gatewayError, .upstreamError, .clientError, .canceled, .unknown: false
        }
    }
}
