public import Money

extension Prices {
    /// What `usage` comes to.
    ///
    /// Cached and written tokens are parts of the prompt, and reasoning tokens of the completion, whatever the counts say: a
    /// part is never larger than what is left of its whole, so that no token is charged twice.
    public func bill(for usage: TokenUsage) throws(MoneyError) -> Bill {
        let tier = tier(promptTokens: usage.promptTokens)
        let cached = min(usage.cachedTokens, usage.promptTokens)
        let written = min(usage.cacheWriteTokens, usage.promptTokens - cached)
        let hour = tier.cacheWriteHour == tier.cacheWrite ? 0 : min(usage.cacheWriteHourTokens, written)
        let pictured = tier.imageInput == nil ? 0 : min(usage.imageInputTokens, usage.promptTokens - cached - written)
        let reasoning = tier.reasoning == nil ? 0 : min(usage.reasoningTokens, usage.completionTokens)
        let drawn = tier.imageOutput == nil ? 0 : min(usage.imageOutputTokens, usage.completionTokens - reasoning)
        let parts: [(component: String, quantity: Int64, unit: String, price: PicoDollars)] = [
            ("input", usage.promptTokens - cached - written - pictured, "token", tier.input),
            ("image_input", pictured, "token", tier.imageInput ?? tier.input),
            ("cached_input", cached, "token", tier.cachedInput),
            ("cache_write", written - hour, "token", tier.cacheWrite),
            // The same component at another price.
            ("cache_write", hour, "token", tier.cacheWriteHour),
            ("output", usage.completionTokens - reasoning - drawn, "token", tier.output),
            ("reasoning", reasoning, "token", tier.reasoning ?? tier.output),
            ("image_output", drawn, "token", tier.imageOutput ?? tier.output),
            ("image", image == .zero ? 0 : usage.images, "image", image),
            ("generated_image", generatedImage == .zero ? 0 : usage.generatedImages, "image", generatedImage),
            ("request", request == .zero ? 0 : 1, "request", request),
        ]
        var lines: [PriceLine] = []
        for part in parts where part.quantity != 0 {
            lines.append(
                try PriceLine(
                    component: part.component, quantity: part.quantity, unit: part.unit, price: part.price,
                    multiplier: multiplier))
        }
        return try Bill(lines: lines)
    }

    /// The most that a request can come to, to the nano-dollar: no usage within the bounds makes a bill above it.
    ///
    /// Every prompt token is taken at the dearest of the input prices, every completion token at the dearest of the output
    /// prices, over all tiers that such a prompt can reach. `outputTokens` and `generatedImages` bound the completions of all
    /// choices together.
    public func highest(
        promptTokens: Int64, outputTokens: Int64, images: Int64 = 0, generatedImages: Int64 = 0
    ) throws(MoneyError) -> NanoDollars {
        var highestInput = PicoDollars.zero
        var highestOutput = PicoDollars.zero
        var inputPrices: Set<PicoDollars> = []
        var outputPrices: Set<PicoDollars> = []
        var below: Int64 = -1
        for tier in tiers where below < promptTokens {
            highestInput = max(highestInput, tier.highestInput)
            highestOutput = max(highestOutput, tier.highestOutput)
            inputPrices.formUnion([
                tier.input, tier.cachedInput, tier.cacheWrite, tier.cacheWriteHour, tier.imageInput ?? tier.input,
            ])
            outputPrices.formUnion([tier.output, tier.reasoning ?? tier.output, tier.imageOutput ?? tier.output])
            below = tier.upTo ?? .max
        }
        let quantities: [(Int64, PicoDollars)] = [
            (promptTokens, highestInput), (outputTokens, highestOutput), (images, image), (generatedImages, generatedImage),
            (1, request),
        ]
        var exact: Int128 = 0
        for (quantity, price) in quantities {
            guard quantity >= 0 else { throw MoneyError(.negative, "a bound is not below zero") }
            let (product, overflow) = (Int128(quantity) * Int128(price.rawValue))
                .multipliedReportingOverflow(by: Int128(multiplier.partsPerMillion))
            let (sum, sumOverflow) = exact.addingReportingOverflow(product)
            guard !overflow, !sumOverflow else { throw MoneyError(.overflow, "the highest price does not fit") }
            exact = sum
        }
        // Each line of a bill is rounded half up, so it can be half a nano-dollar above its exact amount, but only where its
        // price is not a whole number of nano-dollars. A prompt makes at most three lines, and one more each where
        // an hour in the cache and images have a price of their own; a completion one, and one more each where
        // reasoning and images have a price of their own.
        let nano: Int128 = 1_000_000_000
        let isRounded = { (price: PicoDollars) in Int128(price.rawValue) * Int128(multiplier.partsPerMillion) % nano != 0 }
        let inputLines: Int64 =
            3 + (tiers.contains { $0.cacheWriteHour != $0.cacheWrite } ? 1 : 0)
            + (tiers.contains { $0.imageInput != nil } ? 1 : 0)
        let outputLines: Int64 =
            1 + (tiers.contains { $0.reasoning != nil } ? 1 : 0) + (tiers.contains { $0.imageOutput != nil } ? 1 : 0)
        let roundedLines =
            (inputPrices.contains(where: isRounded) ? min(inputLines, promptTokens) : 0)
            + (outputPrices.contains(where: isRounded) ? min(outputLines, outputTokens) : 0)
            + (images > 0 && isRounded(image) ? 1 : 0)
            + (generatedImages > 0 && isRounded(generatedImage) ? 1 : 0) + (isRounded(request) ? 1 : 0)
        guard let highest = Int64(exactly: (exact + Int128(roundedLines) * nano / 2) / nano) else {
            throw MoneyError(.overflow, "the highest price does not fit")
        }
        return NanoDollars(highest)
    }
}
