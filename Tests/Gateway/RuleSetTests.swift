import Catalogue
import Ledger
import Money
import TestSupport
import Testing
import Web

@testable import Gateway

/// The compiled rules against an evaluator that looks at one candidate and one rule after the other.
@Suite struct RuleSetTests {
    private static let models = ["m1", "m2", "m3"]
    private static let providers = ["p1", "p2", "p3", "p4"]
    private static let networks = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::ffff:10.2.0.0/112"]
    private static let addresses = ["10.1.2.3", "10.9.9.9", "192.0.2.7", "192.0.2.8", "2001:db8::5", "::ffff:10.2.0.9", nil]

    @Test func theCompiledRulesSayWhatTheirListSays() {
        var random = SeededGenerator(seed: TestEnvironment.seed("rule sets"))
        var refusals = 0
        for _ in 0..<(TestEnvironment.soak ? 200_000 : 6_000) {
            let rules = (0..<Int.random(in: 0...6, using: &random)).map { _ in Self.rule(&random) }
            let candidates = (0..<Int.random(in: 1...4, using: &random)).map { _ in Self.candidate(&random) }
            let names = [Self.models, ["alias-\(Int.random(in: 1...2, using: &random))"]].map {
                $0[Int.random(in: 0..<$0.count, using: &random)]
            }
            let address = Self.addresses[Int.random(in: 0..<Self.addresses.count, using: &random)]
            let (set, subject) = (RuleSet(rules, scope: .apiKey), RuleSubject(names: names) { address })
            let verdict = set.verdict(on: subject, candidates)
            let expected = candidates.indices.filter { Self.allows(rules, names, address, candidates[$0]) }
            switch verdict {
            case .left(let places): #expect(places == expected, "\(rules) \(names) \(String(describing: address)) \(candidates)")
            case .refused(let refusal):
                refusals += 1
                #expect(expected.isEmpty, "\(rules) \(names) \(String(describing: address)) \(candidates)")
                #expect(!refusal.rules.isEmpty && refusal.rules.allSatisfy { id in rules.contains { $0.id == id } })
            }
            let networks = rules.filter { $0.kind == .allowIPNetworks || $0.kind == .denyIPNetworks }
            let mayEnter = Self.allows(networks, names, address, candidates[0])
            #expect((set.verdict(onAddressOf: subject) == nil) == mayEnter, "\(rules) \(String(describing: address))")
        }
        #expect(refusals > 100)
    }

    @Test func aRuleThatIsNotUnderstoodLetsNothingThrough() {
        let rule = IAMRule(id: .mint(), kind: .denyIPNetworks, value: IAMRuleValue(networks: ["nonsense"]))
        let candidate = RuleCandidate(provider: "p", isFree: false, inputPrice: .zero, outputPrice: .zero)
        let (set, subject) = (RuleSet([rule], scope: .apiKey), RuleSubject(names: ["m"]) { "192.0.2.1" })
        let refused = RuleVerdict.refused(RuleRefusal(reason: .unreadable, scope: .apiKey, rules: [rule.id]))
        #expect(set.verdict(on: subject, [candidate]) == refused)
        #expect(set.verdict(onAddressOf: subject) == refused)
    }

    @Test(arguments: [("1", "0.25", Int64(750_000)), ("0.000001", "0.25", 1), ("1", "0", 1_000_000), ("1", "1", 0)])
    func aPriceIsWhatIsCharged(listed: String, discount: String, charged: Int64) throws {
        let file = #"""
            {"providers": [{"id": "p", "name": "P", "base_url": "http://127.0.0.1:1/v1"}],
             "models": [{"id": "m", "name": "M", "family": "f", "mappings": [{"provider": "p", "model": "m", "context_size": 1000,
              "prices": {"input": "\#(listed)", "output": "\#(listed)", "discount": "\#(discount)"}, "streaming": true}]}]}
            """#
        let catalogue = try Catalogue.load(contents: [(path: "test.json", bytes: Array(file.utf8))], environment: [:])
        let provider = try #require(catalogue.provider("p"))
        let candidate = RuleCandidate(Route(mapping: catalogue.models[0].mappings[0], provider: provider, promptTokens: 10))
        #expect(candidate.inputPrice == PicoDollars(charged) && candidate.outputPrice == PicoDollars(charged))
    }

    private static func allows(
        _ rules: [IAMRule], _ names: [String], _ address: String?, _ candidate: RuleCandidate
    ) -> Bool {
        let address = address.flatMap { IPAddress($0) }
        func holds(_ rule: IAMRule) -> Bool {
            switch rule.kind {
            case .allowModels, .denyModels:
                (names + (names + [candidate.upstreamName]).map { "\(candidate.provider)/\($0)" })
                    .contains { rule.value.models!.contains($0) }
            case .allowProviders, .denyProviders: rule.value.providers!.contains(candidate.provider)
            case .allowIPNetworks, .denyIPNetworks:
                address.map { address in rule.value.networks!.contains { IPNetwork($0)!.contains(address) } } ?? false
            case .allowPricing, .denyPricing:
                (rule.value.pricing.map { ($0 == "free") == candidate.isFree } ?? true)
                    && (rule.value.maxInputPrice.map { candidate.inputPrice <= $0 } ?? true)
                    && (rule.value.maxOutputPrice.map { candidate.outputPrice <= $0 } ?? true)
            }
        }
        let denies: Set<IAMRuleType> = [.denyModels, .denyProviders, .denyPricing, .denyIPNetworks]
        if rules.contains(where: { denies.contains($0.kind) && holds($0) }) { return false }
        return Dictionary(grouping: rules.filter { !denies.contains($0.kind) }, by: \.kind).values.allSatisfy {
            $0.contains(where: holds)
        }
    }

    private static func rule(_ random: inout SeededGenerator) -> IAMRule {
        func some(_ list: [String]) -> [String] {
            (0..<Int.random(in: 1...2, using: &random)).map { _ in list[Int.random(in: 0..<list.count, using: &random)] }
        }
        let kind = IAMRuleType.allCases.randomElement(using: &random)!
        let value: IAMRuleValue =
            switch kind {
            case .allowModels, .denyModels:
                IAMRuleValue(models: some(models + ["alias-1", "p1/m1", "p2/alias-1", "p3/up", "p4/m2"]))
            case .allowProviders, .denyProviders: IAMRuleValue(providers: some(providers))
            case .allowIPNetworks, .denyIPNetworks: IAMRuleValue(networks: some(networks))
            case .denyPricing: IAMRuleValue(pricing: Bool.random(using: &random) ? "free" : "paid")
            case .allowPricing:
                switch Int.random(in: 0...2, using: &random) {
                case 0: IAMRuleValue(pricing: Bool.random(using: &random) ? "free" : "paid")
                case 1: IAMRuleValue(maxInputPrice: PicoDollars(Int64.random(in: 0...4, using: &random)))
                default:
                    IAMRuleValue(
                        pricing: Bool.random(using: &random) ? "paid" : nil, maxInputPrice: PicoDollars(3),
                        maxOutputPrice: PicoDollars(Int64.random(in: 0...4, using: &random)))
                }
            }
        return IAMRule(id: .mint(), kind: kind, value: value)
    }

    private static func candidate(_ random: inout SeededGenerator) -> RuleCandidate {
        let isFree = Int.random(in: 0...3, using: &random) == 0
        return RuleCandidate(
            provider: providers[Int.random(in: 0..<providers.count, using: &random)],
            upstreamName: Bool.random(using: &random) ? "up" : "m1", isFree: isFree,
            inputPrice: isFree ? .zero : PicoDollars(Int64.random(in: 0...5, using: &random)),
            outputPrice: isFree ? .zero : PicoDollars(Int64.random(in: 1...5, using: &random)))
    }
}
