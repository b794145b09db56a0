internal import Money

extension Outcome {
    /// Writes the members of the object, without its braces.
    func writeMembers(into writer: inout JSONWriter) {
        writer.member("instance", instance)
        writer.member("project", project)
        writer.member("api_key", apiKey)
        writer.member("requested_model", requestedModel)
        writer.member("model", model)
        writer.member("provider", provider)
        writer.member("upstream_model", upstreamModel)
        writer.member("stream", stream)
        writer.member("cached", cached)
        writer.member("estimated", estimated)
        writer.member("status", Int64(status))
        writer.key("error")
        if let error { error.write(into: &writer) } else { writer.null() }
        writer.member("finish_reason", finishReason)
        writer.member("unified_finish_reason", unifiedFinishReason)
        writer.key("attempts")
        writer.beginArray()
        for attempt in attempts { attempt.write(into: &writer) }
        writer.endArray()
        usage.write(into: &writer)
        writer.member("catalogue_version", catalogueVersion)
        writer.member("credential", credential.rawValue)
        if let providerKey { writer.member("provider_key", providerKey) }
        writer.key("price")
        price.write(into: &writer)
        writer.key("cost")
        cost.write(into: &writer)
        writer.member("held", held)
        writer.member("charged", charged)
        writer.member("overrun", overrun)
        if let saved { writer.member("saved", saved) }
        writer.member("duration_ms", durationMS)
        writer.member("time_to_first_token_ms", timeToFirstTokenMS)
        writer.member("admitted_at", admittedAt)
        if let bodies { bodies.write(into: &writer) }
        if let routing { routing.write(into: &writer) }
    }
}

extension RoutingDecision {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.key("routing")
        writer.beginObject()
        writer.member("reason", reason.rawValue)
        writer.member("provider", provider)
        writer.key("candidates")
        writer.beginArray()
        for candidate in candidates {
            writer.beginObject()
            writer.member("provider", candidate.provider)
            writer.member("score", candidate.score)
            if let uptime = candidate.uptime { writer.member("uptime", uptime) }
            if let latency = candidate.latencyMS { writer.member("latency_ms", latency) }
            if let throughput = candidate.throughput { writer.member("throughput", throughput) }
            if let priority = candidate.priority { writer.member("priority", priority) }
            writer.endObject()
        }
        writer.endArray()
        if let noFallback { writer.member("no_fallback", noFallback) }
        writer.endObject()
    }
}

extension BodyDigests {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.key("bodies")
        writer.beginObject()
        if let prompt { writer.member("prompt", prompt) }
        if let completion { writer.member("completion", completion) }
        if let upstreamRequest { writer.member("upstream_request", upstreamRequest) }
        if let upstreamAnswer { writer.member("upstream_answer", upstreamAnswer) }
        writer.endObject()
    }
}

extension OutcomeError {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("type", type)
        writer.member("code", code)
        if let upstreamStatus { writer.member("upstream_status", Int64(upstreamStatus)) }
        writer.endObject()
    }
}

extension Attempt {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("provider", provider)
        writer.member("model", model)
        writer.member("status", status.map(Int64.init))
        writer.member("error", error)
        writer.member("duration_ms", durationMS)
        if let providerKey { writer.member("provider_key", providerKey) }
        writer.endObject()
    }
}

extension TokenUsage {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.key("usage")
        writer.beginObject()
        writer.member("prompt_tokens", promptTokens)
        writer.member("cached_tokens", cachedTokens)
        writer.member("cache_write_tokens", cacheWriteTokens)
        if cacheWriteHourTokens != 0 { writer.member("cache_write_1h_tokens", cacheWriteHourTokens) }
        writer.member("completion_tokens", completionTokens)
        writer.member("reasoning_tokens", reasoningTokens)
        writer.member("images", images)
        if imageOutputTokens != 0 { writer.member("image_output_tokens", imageOutputTokens) }
        if generatedImages != 0 { writer.member("generated_images", generatedImages) }
        if imageInputTokens != 0 { writer.member("image_input_tokens", imageInputTokens) }
        writer.endObject()
    }
}

extension Bill {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("lines")
        writer.beginArray()
        for line in lines { writer.value(line) }
        writer.endArray()
        writer.member("total", total)
        writer.endObject()
    }
}
