internal import Ledger
internal import Money
internal import Web

/// The active rules of one level (a member's or a key's), compiled so that asking them costs a few look-ups.
///
/// Allow rules of one type are a union; different types must all allow; every deny rule applies. Rules about providers, prices
/// and models at one provider take candidates away, and what is left binds routing and fallback alike.
struct RuleSet: Sendable {
    enum Scope: String, Sendable, Hashable {
        case member
        case apiKey = "api_key"
    }

    /// Allow rules of one type; nil where there is none.
    private struct Allowed<Element: Hashable & Sendable>: Sendable {
        var elements: Set<Element> = []
        var rules: [IAMRuleID] = []
    }

    let scope: Scope
    private var allowedModels: Allowed<String>?
    private var allowedProviders: Allowed<String>?
    private var allowedNetworks: Allowed<IPNetwork>?
    private var allowedPrices: [(bound: PriceBound, rule: IAMRuleID)] = []
    private var deniedModels: [String: IAMRuleID] = [:]
    /// Whether a rule names a model at one provider, `provider/model`, as clients may.
    private var namesPlaces = false
    private var deniedProviders: [String: IAMRuleID] = [:]
    private var deniedNetworks: [(network: IPNetwork, rule: IAMRuleID)] = []
    private var deniedFree: IAMRuleID?
    private var deniedPaid: IAMRuleID?
    private var unreadable: [IAMRuleID]

    /// - Parameter unreadable: rules that this version does not understand: nothing is allowed past them.
    init(_ rules: [IAMRule], scope: Scope, unreadable: [IAMRuleID] = []) {
        self.scope = scope
        self.unreadable = unreadable
        for rule in rules { add(rule) }
    }

    private mutating func add(_ rule: IAMRule) {
        let value = rule.value
        if value.models?.contains(where: { $0.utf8.contains(UInt8(ascii: "/")) }) == true { namesPlaces = true }
        switch rule.kind {
        case .allowModels: Self.allow(value.models, rule.id, in: &allowedModels)
        case .allowProviders: Self.allow(value.providers, rule.id, in: &allowedProviders)
        case .denyModels: for model in value.models ?? [] { deniedModels[model] = deniedModels[model] ?? rule.id }
        case .denyProviders:
            for provider in value.providers ?? [] { deniedProviders[provider] = deniedProviders[provider] ?? rule.id }
        case .allowIPNetworks, .denyIPNetworks: add(networks: value.networks, of: rule)
        case .allowPricing:
            guard let bound = PriceBound(value) else { break }
            allowedPrices.append((bound, rule.id))
        case .denyPricing:
            if value.pricing == "free" { deniedFree = deniedFree ?? rule.id }
            if value.pricing == "paid" { deniedPaid = deniedPaid ?? rule.id }
        }
    }

    private static func allow<Element>(_ elements: [Element]?, _ rule: IAMRuleID, in allowed: inout Allowed<Element>?) {
        guard let elements else { return }
        var all = allowed ?? Allowed()
        all.elements.formUnion(elements)
        all.rules.append(rule)
        allowed = all
    }

    private mutating func add(networks texts: [String]?, of rule: IAMRule) {
        guard let texts else { return }
        let networks = texts.compactMap { IPNetwork($0) }
        // A network that can't be read protects nobody if it is passed over.
        guard networks.count == texts.count else {
            unreadable.append(rule.id)
            return
        }
        if rule.kind == .allowIPNetworks {
            Self.allow(networks, rule.id, in: &allowedNetworks)
        } else {
            deniedNetworks += networks.map { ($0, rule.id) }
        }
    }

    /// Which of the candidates are left, as their places in the array, or why none is.
    func verdict(on subject: RuleSubject, _ candidates: [RuleCandidate]) -> RuleVerdict {
        if let refusal = verdict(onAddressOf: subject) { return refusal }
        var left = Array(candidates.indices)
        if let refusal = models(subject, candidates, &left) { return refusal }
        if let allowed = allowedProviders {
            left.removeAll { !candidates[$0].isCalled { allowed.elements.contains($0) } }
            guard !left.isEmpty else { return refusal(.providerNotAllowed, allowed.rules) }
        }
        if !deniedProviders.isEmpty {
            let rules = left.compactMap { candidates[$0].first { deniedProviders[$0] } }
            left.removeAll { candidates[$0].isCalled { deniedProviders[$0] != nil } }
            guard !left.isEmpty else { return refusal(.providerDenied, rules) }
        }
        if !allowedPrices.isEmpty {
            left.removeAll { place in !allowedPrices.contains { $0.bound.holds(candidates[place]) } }
            guard !left.isEmpty else { return refusal(.priceNotAllowed, allowedPrices.map(\.rule)) }
        }
        for (rule, isFree) in [(deniedFree, true), (deniedPaid, false)] {
            guard let rule else { continue }
            left.removeAll { candidates[$0].isFree == isFree }
            guard !left.isEmpty else { return refusal(isFree ? .freeDenied : .paidDenied, [rule]) }
        }
        return .left(left)
    }

    /// Why the key may be used for nothing from where the client is; nil where it may.
    func verdict(onAddressOf subject: RuleSubject) -> RuleVerdict? {
        guard unreadable.isEmpty else { return refusal(.unreadable, unreadable) }
        return networks(subject)
    }

    private func networks(_ subject: RuleSubject) -> RuleVerdict? {
        guard allowedNetworks != nil || !deniedNetworks.isEmpty else { return nil }
        let address = subject.address().flatMap { IPAddress($0) }
        if let allowed = allowedNetworks {
            guard let address, allowed.elements.contains(where: { $0.contains(address) }) else {
                return refusal(.addressNotAllowed, allowed.rules)
            }
        }
        guard let address, let denied = deniedNetworks.first(where: { $0.network.contains(address) }) else { return nil }
        return refusal(.addressDenied, [denied.rule])
    }

    private func models(_ subject: RuleSubject, _ candidates: [RuleCandidate], _ left: inout [Int]) -> RuleVerdict? {
        if let allowed = allowedModels, !subject.names.contains(where: allowed.elements.contains) {
            guard namesPlaces else { return refusal(.modelNotAllowed, allowed.rules) }
            left.removeAll { !candidates[$0].models(of: subject).contains(where: allowed.elements.contains) }
            guard !left.isEmpty else { return refusal(.modelNotAllowed, allowed.rules) }
        }
        guard !deniedModels.isEmpty else { return nil }
        if let rule = subject.names.lazy.compactMap({ deniedModels[$0] }).first { return refusal(.modelDenied, [rule]) }
        guard namesPlaces else { return nil }
        var rules: [IAMRuleID] = []
        left.removeAll { place in
            guard let rule = candidates[place].models(of: subject).lazy.compactMap({ deniedModels[$0] }).first else {
                return false
            }
            rules.append(rule)
            return true
        }
        return left.isEmpty ? refusal(.modelDenied, rules) : nil
    }

    private func refusal(_ reason: RuleRefusal.Reason, _ rules: [IAMRuleID]) -> RuleVerdict {
        var seen: Set<IAMRuleID> = []
        return .refused(RuleRefusal(reason: reason, scope: scope, rules: rules.filter { seen.insert($0).inserted }))
    }
}

extension RuleCandidate {
    /// Whether one of its names is what is looked for.
    fileprivate func isCalled(_ test: (String) -> Bool) -> Bool { test(provider) || providerAliases.contains(where: test) }

    /// How clients may ask for the model there.
    fileprivate func models(of subject: RuleSubject) -> [String] {
        (subject.names + [upstreamName]).map { "\(provider)/\($0)" }
    }

    /// What is found under the first of its names that has something.
    fileprivate func first(_ find: (String) -> IAMRuleID?) -> IAMRuleID? {
        find(provider) ?? providerAliases.lazy.compactMap(find).first
    }
}

/// A conjunction of what one `allow_pricing` rule asks.
private struct PriceBound: Sendable {
    let pricing: String?
    let input: PicoDollars?
    let output: PicoDollars?

    /// nil for a rule without a value, which restricts nothing.
    init?(_ value: IAMRuleValue) {
        guard value.pricing != nil || value.maxInputPrice != nil || value.maxOutputPrice != nil else { return nil }
        pricing = value.pricing
        input = value.maxInputPrice
        output = value.maxOutputPrice
    }

    func holds(_ candidate: RuleCandidate) -> Bool {
        if let pricing, pricing != (candidate.isFree ? "free" : "paid") { return false }
        if let input, candidate.inputPrice > input { return false }
        if let output, candidate.outputPrice > output { return false }
        return true
    }
}
