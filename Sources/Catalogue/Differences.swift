internal import Money

/// One thing that another catalogue says differently.
public struct CatalogueDifference: Sendable, Hashable, CustomStringConvertible {
    /// What it is about: `provider acme`, `model acme-large`, or `acme-large at acme`.
    public let entry: String
    /// The field, as a catalogue file calls it; empty when the entry as a whole comes or goes.
    public let field: String
    /// What the first catalogue says; nil when it has nothing there.
    public let old: String?
    /// What the other says.
    public let new: String?

    public var description: String {
        guard !field.isEmpty else { return "\(new == nil ? "-" : "+") \(entry)" }
        return "~ \(entry): \(field) \(old ?? "none") -> \(new ?? "none")"
    }
}

extension Catalogue {
    /// What `other` says differently, providers first, then models, by id.
    public func differences(to other: Catalogue) -> [CatalogueDifference] {
        Self.compare(entries, other.entries)
    }

    typealias Fields = [(name: String, value: String?)]

    /// Everything that a file can say, as text.
    private var entries: [(entry: String, fields: Fields)] {
        var entries: [(entry: String, fields: Fields)] = []
        for provider in providers {
            entries.append(
                (
                    "provider \(provider.id)",
                    [("name", provider.name), ("dialect", provider.dialect.rawValue), ("base_url", provider.baseURL)]
                ))
        }
        for model in models.sorted(by: { $0.id < $1.id }) {
            entries.append(
                (
                    "model \(model.id)",
                    [
                        ("name", model.name), ("family", model.family), ("description", model.summary),
                        ("aliases", model.aliases.joined(separator: ", ")), ("free_limit", model.freeLimit.rawValue),
                    ]
                ))
            for mapping in model.mappings { entries.append(("\(model.id) at \(mapping.provider)", Self.fields(of: mapping))) }
        }
        return entries
    }

    private static func compare(
        _ old: [(entry: String, fields: Fields)], _ new: [(entry: String, fields: Fields)]
    ) -> [CatalogueDifference] {
        let before = Dictionary(old) { first, _ in first }
        let after = Set(new.map(\.entry))
        var differences = old.filter { !after.contains($0.entry) }
            .map { CatalogueDifference(entry: $0.entry, field: "", old: $0.entry, new: nil) }
        for (entry, fields) in new {
            guard let known = before[entry] else {
                differences.append(CatalogueDifference(entry: entry, field: "", old: nil, new: entry))
                continue
            }
            let names = known.map(\.name) + fields.map(\.name).filter { name in !known.contains { $0.name == name } }
            for name in names {
                let (was, now) = (known.first { $0.name == name }?.value, fields.first { $0.name == name }?.value)
                guard was != now else { continue }
                differences.append(CatalogueDifference(entry: entry, field: name, old: was, new: now))
            }
        }
        return differences
    }

    private static func fields(of mapping: Mapping) -> Fields {
        let can = mapping.capabilities
        let flags: [(String, Bool)] = [
            ("streaming", can.streaming), ("vision", can.vision), ("tools", can.tools),
            ("parallel_tool_calls", can.parallelToolCalls), ("reasoning", can.reasoning), ("json_output", can.jsonOutput),
            ("json_schema", can.jsonSchema), ("image_output", can.imageOutput), ("image_required", can.imageRequired),
            ("custom_tools", mapping.takesCustomTools),
        ]
        return [("model", mapping.upstreamName)] + fields(of: mapping.prices, "prices") + fields(of: mapping.costs, "costs") + [
            ("context_size", String(mapping.contextSize)), ("max_output", mapping.maximumOutput.map { String($0) }),
            ("output_limit_field", mapping.outputLimitField.rawValue), ("thinking", mapping.thinking.rawValue),
            ("api", mapping.api.rawValue),
            ("image_tokens", "\(mapping.imageTokens.low) and \(mapping.imageTokens.other)"),
            ("deprecated_at", mapping.deprecatedAt.map(CalendarMinute.text)),
            ("deactivated_at", mapping.deactivatedAt.map(CalendarMinute.text)),
        ] + flags.map { ($0, String($1)) }
    }

    static func fields(of prices: Prices, _ name: String) -> Fields {
        var fields: Fields = []
        for (index, tier) in prices.tiers.enumerated() {
            let at = prices.tiers.count == 1 ? name : "\(name).tiers[\(index)]"
            fields += [
                ("\(at).up_to_tokens", tier.upTo.map { String($0) }), ("\(at).input", tier.input.perMillion),
                ("\(at).cached_input", tier.cachedInput.perMillion), ("\(at).cache_write", tier.cacheWrite.perMillion),
                ("\(at).cache_write_1h", tier.cacheWriteHour == tier.cacheWrite ? nil : tier.cacheWriteHour.perMillion),
                ("\(at).output", tier.output.perMillion), ("\(at).reasoning", tier.reasoning?.perMillion),
                ("\(at).image_output", tier.imageOutput?.perMillion), ("\(at).image_input", tier.imageInput?.perMillion),
            ]
        }
        return fields + [
            ("\(name).request", prices.request.decimalPerUnit), ("\(name).image", prices.image.decimalPerUnit),
            ("\(name).generated_image", prices.generatedImage == .zero ? nil : prices.generatedImage.decimalPerUnit),
            ("\(name).multiplier", prices.multiplier.decimal),
        ]
    }
}
