public import CoreMetrics
internal import Synchronization

/// A swift-metrics backend that renders the Prometheus text format, version 0.0.4.
///
/// Counters, gauges and histograms are created through swift-metrics; values that live elsewhere (queue lengths, lags)
/// are read by collectors when a scrape comes.
public final class PrometheusRegistry: MetricsFactory, Sendable {
    /// One sample that a collector contributes to a scrape.
    public struct Sample: Sendable {
        /// The metric's name, in Prometheus' alphabet.
        public var name: String
        /// What the metric says, in one line.
        public var help: String
        /// `counter` or `gauge`.
        public var type: String
        /// Label names and values.
        public var labels: [(String, String)]
        /// The value, in the unit that the name ends with.
        public var value: Double

        public init(_ name: String, help: String, type: String = "gauge", labels: [(String, String)] = [], value: Double) {
            self.name = name
            self.help = help
            self.type = type
            self.labels = labels
            self.value = value
        }
    }

    private struct Key: Hashable {
        let name: String
        let labels: String
    }

    private struct State {
        var counters: [Key: PrometheusCounter] = [:]
        var gauges: [Key: PrometheusGauge] = [:]
        var histograms: [Key: PrometheusHistogram] = [:]
        var help: [String: String] = [:]
        var collectors: [PrometheusCollector] = []
        /// Answers that did not come in time.
        var late = 0
    }

    private let state = Mutex(State())
    private let patience: Duration

    /// - Parameter patience: How long a scrape waits for collectors; what is later is left out. Prometheus gives up after 10 s, with
    ///   all that there is.
    public init(patience: Duration = .seconds(2)) { self.patience = patience }

    /// Sets the help line of the metric `name`.
    public func describe(_ name: String, _ help: String) {
        state.withLock { $0.help[name] = help }
    }

    /// Adds a source of samples that is asked at every scrape.
    public func collect(_ collector: @escaping @Sendable () async -> [Sample]) {
        let collector = PrometheusCollector(collector)
        state.withLock { $0.collectors.append(collector) }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let key = Key(name: label, labels: Self.labels(dimensions))
        return state.withLock { state in
            if let known = state.counters[key] { return known }
            let made = PrometheusCounter()
            state.counters[key] = made
            return made
        }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let key = Key(name: label, labels: Self.labels(dimensions))
        guard aggregate else {
            return state.withLock { state in
                if let known = state.gauges[key] { return known }
                let made = PrometheusGauge()
                state.gauges[key] = made
                return made
            }
        }
        return histogram(key)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(Key(name: label, labels: Self.labels(dimensions)))
    }

    public func destroyCounter(_ handler: any CounterHandler) {
        state.withLock { state in state.counters = state.counters.filter { $0.value !== handler } }
    }

    public func destroyRecorder(_ handler: any RecorderHandler) {
        state.withLock { state in
            state.gauges = state.gauges.filter { $0.value !== handler }
            state.histograms = state.histograms.filter { $0.value !== handler }
        }
    }

    public func destroyTimer(_ handler: any TimerHandler) {
        state.withLock { state in state.histograms = state.histograms.filter { $0.value !== handler } }
    }

    private func histogram(_ key: Key) -> PrometheusHistogram {
        state.withLock { state in
            if let known = state.histograms[key] { return known }
            let made = PrometheusHistogram()
            state.histograms[key] = made
            return made
        }
    }

    /// The text of a scrape: every metric once, in the order of its name.
    public func render() async -> String {
        let (counters, gauges, histograms, help, collectors) = state.withLock {
            ($0.counters, $0.gauges, $0.histograms, $0.help, $0.collectors)
        }
        var families: [String: (type: String, help: String?, lines: [String])] = [:]
        func add(_ name: String, _ type: String, _ help: String?, _ lines: [String]) {
            families[name, default: (type, help, [])].lines += lines
        }
        for (key, counter) in counters {
            add(key.name, "counter", help[key.name], ["\(key.name)\(Self.braces(key.labels)) \(counter.value)"])
        }
        for (key, gauge) in gauges {
            add(key.name, "gauge", help[key.name], ["\(key.name)\(Self.braces(key.labels)) \(Self.number(gauge.value))"])
        }
        for (key, histogram) in histograms {
            add(key.name, "histogram", help[key.name], histogram.lines(name: key.name, labels: key.labels))
        }
        for sample in await collected(collectors) {
            let labels = Self.braces(Self.labels(sample.labels))
            add(sample.name, sample.type, sample.help, ["\(sample.name)\(labels) \(Self.number(sample.value))"])
        }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = family.help { text += "# HELP \(name) \(help)\n" }
            text += "# TYPE \(name) \(family.type)\n"
            // A histogram's buckets stand in their own order; families of single lines are sorted to be comparable.
            text += (family.type == "histogram" ? family.lines : family.lines.sorted()).joined(separator: "\n") + "\n"
        }
        return text
    }

    private func collected(_ collectors: [PrometheusCollector]) async -> [Sample] {
        typealias Answer = PrometheusCollector.Answer
        let answers = await withTaskGroup(of: Answer.self, returning: [Answer].self) { [patience] group in
            for collector in collectors { group.addTask { await collector.samples(within: patience) } }
            var answers: [Answer] = []
            for await answer in group { answers.append(answer) }
            return answers
        }
        let late = state.withLock { state in
            state.late += answers.count(where: \.isLate)
            return state.late
        }
        let help =
            "Sources of metrics that a scrape did not wait for, because they did not answer in time. Their figures are of before."
        return answers.flatMap(\.samples) + [
            Sample("llmgateway_scrape_late_sources_total", help: help, type: "counter", value: Double(late))
        ]
    }

    private static func braces(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }

    static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.map { name, value in
            var escaped = ""
            for character in value.unicodeScalars {
                switch character {
                case "\\": escaped += "\\\\"
                case "\"": escaped += "\\\""
                case "\n": escaped += "\\n"
                default: escaped.unicodeScalars.append(character)
                }
            }
            return "\(name)=\"\(escaped)\""
        }.joined(separator: ",")
    }
}
