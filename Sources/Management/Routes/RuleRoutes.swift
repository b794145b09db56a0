internal import Catalogue
internal import Hummingbird
internal import Ledger
internal import Money
internal import Web

extension ManagementRoutes {
    struct NewRule: Decodable, Sendable {
        let ruleType: IAMRuleType
        let ruleValue: RuleValueBody
        let status: EntityStatus?
    }

    struct RulePatch: Decodable, Sendable {
        let ruleType: IAMRuleType?
        let ruleValue: RuleValueBody?
        let status: EntityStatus?

        /// - Throws: 400 for a type without a value that belongs to it, and for nothing at all.
        func change(of record: RuleRecord) throws(WebError) -> RuleChange {
            guard ruleType != nil || ruleValue != nil || status != nil else {
                throw WebError.changesNothing("ruleType", "ruleValue", "status")
            }
            let kind = ruleType ?? record.kind
            let value = try ruleValue?.value(for: kind)
            if value == nil, kind != record.kind {
                throw WebError.invalid("ruleValue", "ruleValue is required with another ruleType.")
            }
            return RuleChange(kind: ruleType, value: value, status: status)
        }
    }

    func addRules(to router: Router<WebContext>) {
        router.post("/keys/api/:id/iam") { request, context in
            let caller = try await caller(request, context)
            let key: APIKeyID = try id("id", of: context)
            let body = try await WebBody.read(NewRule.self, from: request)
            let rule = IAMRuleCreated(
                rule: .mint(), kind: body.ruleType, value: try body.ruleValue.value(for: body.ruleType),
                status: body.status ?? .active)
            try await checkProviders(of: body.ruleValue, key, caller)
            try await management.addRule(rule, to: key, by: caller)
            return try await shown(rule.rule, key, "IAM rule created successfully")
        }
        router.get("/keys/api/:id/iam") { request, context in
            let caller = try await caller(request, context)
            let key = try await management.readable(try id("id", of: context), by: caller)
            return Response.json(["rules": .array((try await management.rules(of: [key.id])[key.id] ?? []).map(\.json))])
        }
        router.patch("/keys/api/:id/iam/:rule") { request, context in
            let caller = try await caller(request, context)
            let key: APIKeyID = try id("id", of: context)
            let rule: IAMRuleID = try id("rule", of: context)
            let body = try await WebBody.read(RulePatch.self, from: request)
            try await checkProviders(of: body.ruleValue, key, caller)
            try await management.change(rule: rule, of: key, by: caller) { (record) throws(WebError) in
                try body.change(of: record)
            }
            return try await shown(rule, key, "IAM rule updated successfully")
        }
        router.delete("/keys/api/:id/iam/:rule") { request, context in
            let caller = try await caller(request, context)
            try await management.delete(rule: try id("rule", of: context), of: try id("id", of: context), by: caller)
            return Response.json(["message": "IAM rule deleted successfully"])
        }
    }

    private func checkProviders(of value: RuleValueBody?, _ key: APIKeyID, _ caller: Caller) async throws(WebError) {
        guard value?.providers != nil else { return }
        try await checkProviders(of: value, in: try await management.changeable(key, by: caller).organization, caller)
    }

    /// - Throws: 400 for a provider that neither the catalogue nor the organization has: a rule about it would do nothing, and
    ///   whoever wrote it believes that it protects. What was written before stays, whatever the catalogue has lost since.
    func checkProviders(
        of value: RuleValueBody?, in organization: OrganizationID, _ caller: Caller
    ) async throws(WebError) {
        let catalogue = providerKeys.catalogue
        let others = (value?.providers ?? []).filter { $0 != "custom" && catalogue.provider($0) == nil }
        guard !others.isEmpty else { return }
        let keys = try await management.providerKeys(of: organization, for: caller.user)
        let names = Set(keys.filter { !$0.isDeleted }.compactMap(\.name))
        guard others.allSatisfy({ names.contains($0.hasPrefix("custom:") ? String($0.dropFirst(7)) : $0) }) else {
            throw WebError.invalid(
                "ruleValue.providers", "providers must be ids of the catalogue, or names of the organization's custom providers.")
        }
    }

    private func shown(_ rule: IAMRuleID, _ key: APIKeyID, _ message: String) async throws(WebError) -> Response {
        Response.json(["message": .string(message), "rule": try await management.rule(rule, of: key).json])
    }
}

/// The value of a rule as a body has it.
struct RuleValueBody: Decodable, Sendable {
    private enum Pricing: String, Decodable, Sendable { case free, paid }

    let models: [String]?
    let providers: [String]?
    private let pricingType: Pricing?
    let maxInputPrice: TokenPrice?
    let maxOutputPrice: TokenPrice?
    let ipCidrs: [String]?

    /// The value of a rule of this kind. A member that belongs to another kind is refused rather than ignored, because
    /// whoever wrote it believes that it protects.
    func value(for kind: IAMRuleType) throws(WebError) -> IAMRuleValue {
        let given: [(String, Bool)] = [
            ("models", models != nil), ("providers", providers != nil), ("pricingType", pricingType != nil),
            ("maxInputPrice", maxInputPrice != nil), ("maxOutputPrice", maxOutputPrice != nil), ("ipCidrs", ipCidrs != nil),
        ]
        let allowed: [String] =
            switch kind {
            case .allowModels, .denyModels: ["models"]
            case .allowProviders, .denyProviders: ["providers"]
            case .allowPricing: ["pricingType", "maxInputPrice", "maxOutputPrice"]
            case .denyPricing: ["pricingType"]
            case .allowIPNetworks, .denyIPNetworks: ["ipCidrs"]
            }
        for (name, isGiven) in given where isGiven && !allowed.contains(name) {
            throw WebError.invalid("ruleValue.\(name)", "\(name) does not belong to a rule of the type \(kind.rawValue).")
        }
        guard given.contains(where: { $0.1 }) else {
            throw WebError.invalid("ruleValue.\(allowed[0])", "\(allowed[0]) is required for the type \(kind.rawValue).")
        }
        for network in ipCidrs ?? [] where IPNetwork(network) == nil {
            throw WebError.invalid("ruleValue.ipCidrs", "ipCidrs must be addresses or networks such as 10.0.0.0/8.")
        }
        return IAMRuleValue(
            models: try Self.list(models, field: "models"), providers: try Self.list(providers, field: "providers"),
            pricing: pricingType?.rawValue, maxInputPrice: maxInputPrice?.price, maxOutputPrice: maxOutputPrice?.price,
            networks: try Self.list(ipCidrs, field: "ipCidrs"))
    }

    private static func list(_ values: [String]?, field: String) throws(WebError) -> [String]? {
        guard let values else { return nil }
        guard (1...500).contains(values.count) else {
            throw WebError.invalid("ruleValue.\(field)", "\(field) must have 1 to 500 entries.")
        }
        for value in values { _ = try WebText.check(value, field: "ruleValue.\(field)") }
        return values
    }
}

/// US dollars a token: a decimal string, or a JSON number as existing clients of this API send it.
struct TokenPrice: Decodable, Sendable {
    let price: PicoDollars

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            guard let price = try? PicoDollars(decimalPerUnit: text), price >= .zero else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "it must be a decimal string with at most 12 places, not below zero")
            }
            self.price = price
            return
        }
        // The number is only a way to write a decimal; it is rounded to what a price can be, once, here.
        let number = try container.decode(Double.self)
        guard number >= 0, number <= 1_000_000 else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "it must be 0 to 1000000")
        }
        price = PicoDollars(Int64((number * 1e12).rounded()))
    }
}
