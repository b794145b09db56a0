import Admission
import FoundationEssentials
import Gateway
import Ledger
import Money
import Postgres
import Projections

/// The gauges of a process that are read when a scrape comes.
struct ProcessMetrics: Sendable {
    let appender: Appender
    let admission: AdmissionClient
    let projections: ProjectionCatalogue
    let postgres: PostgresClient
    let spool: OutcomeSpool
    let annotations: AnnotationWriter
    let payloads: PayloadWriter
    let watchdog: Watchdog
    let seals: Seals
    let isProtected: Bool

    func register(in registry: PrometheusRegistry) {
        registry.collect { ledger() }
        registry.collect { await projectionSamples() }
        registry.collect { await admissionSamples() }
    }

    private func ledger() -> [PrometheusRegistry.Sample] {
        let statistics = appender.statistics
        return [
            .init(
                "llmgateway_ledger_appended_events_total", help: "Events that this process appended.", type: "counter",
                value: Double(statistics.appendedEvents)),
            .init(
                "llmgateway_ledger_batches_total", help: "Appends that this process committed.", type: "counter",
                value: Double(statistics.batches)),
            .init(
                "llmgateway_ledger_last_batch_events", help: "Events of the newest append.",
                value: Double(statistics.lastBatchSize)),
            .init(
                "llmgateway_ledger_queued_commands", help: "Commands waiting to be appended.", value: Double(statistics.queued)),
            .init(
                "llmgateway_ledger_overloaded_commands_total", help: "Commands that were refused because too many waited.",
                type: "counter", value: Double(statistics.overloadedCommands)),
            .init(
                "llmgateway_ledger_expired_commands_total",
                help: "Commands that were given up because the ledger did not answer in time.", type: "counter",
                value: Double(statistics.expiredCommands)),
            .init(
                "llmgateway_ledger_rejected_commands_total", help: "Commands that the ledger refused for what is in them.",
                type: "counter", value: Double(statistics.rejectedCommands)),
            .init(
                "llmgateway_ledger_resent_batches_total",
                help: "Appends that were sent again because nobody knew whether they were committed.", type: "counter",
                value: Double(statistics.resentBatches)),
            .init(
                "llmgateway_ledger_available", help: "1 while the ledger can be appended to.",
                value: statistics.isAvailable ? 1 : 0),
            .init(
                "llmgateway_ledger_sealed_position", help: "The last position that this process has sealed.",
                value: Double(seals.sealer?.sealedTo ?? 0)),
            .init(
                "llmgateway_ledger_protected", help: "1 when this role can't change recorded events.", value: isProtected ? 1 : 0),
            .init(
                "llmgateway_ledger_stalled_appenders_total", help: "Stalled lock holders that were ended.", type: "counter",
                value: Double(watchdog.ended)),
            .init("llmgateway_spool_commands", help: "Outcomes waiting on the local disk.", value: Double(spool.count)),
            .init(
                "llmgateway_annotations_dropped_total", help: "Annotations that were not kept.", type: "counter",
                value: Double(annotations.dropped)),
            .init(
                "llmgateway_payloads_dropped_total", help: "Bodies that were not kept although they were to be.", type: "counter",
                value: Double(payloads.dropped)),
        ]
    }

    private func projectionSamples() async -> [PrometheusRegistry.Sample] {
        guard let statuses = try? await ProjectionStatus.all(catalogue: projections, client: postgres) else { return [] }
        // A rebuild's tables, and those of before the last, have the same name.
        return statuses.filter { $0.schema == $0.name }.flatMap { status in
            [
                .init(
                    "llmgateway_projection_lag_events", help: "Events that a projection has not applied.",
                    labels: [("projection", status.name)], value: Double(status.lag)),
                .init(
                    "llmgateway_projection_halted",
                    help: "1 when a projection stands still until somebody mends what its status says.",
                    labels: [("projection", status.name)], value: status.state == .halted ? 1 : 0),
                .init(
                    "llmgateway_projection_parked", help: "Poison events whose stream or organization a projection leaves out.",
                    labels: [("projection", status.name)], value: Double(status.parked)),
            ]
        }
    }

    private func admissionSamples() async -> [PrometheusRegistry.Sample] {
        guard let gauges = try? await admission.gauges() else { return [] }
        return [
            .init(
                "llmgateway_redis_state_lag_events", help: "Events that the Redis state has not applied.",
                value: Double(gauges.stateLag)),
            .init(
                "llmgateway_overspend_strict_nanodollars", help: "Overspend of strict organizations: zero, always.",
                value: Double(gauges.strictOvershoot.rawValue)),
            .init(
                "llmgateway_overspend_nanodollars", help: "Overspend of all scopes.", value: Double(gauges.overshoot.rawValue)),
            .init(
                "llmgateway_balances_below_zero_nanodollars",
                help: "How far strict organizations' balances, less what is held, are below zero: zero, but for refunds, "
                    + "adjustments and late settlements.",
                value: Double(gauges.belowZero.rawValue)),
            .init("llmgateway_open_holds", help: "Holds of requests in flight.", value: Double(gauges.openHolds)),
            .init(
                "llmgateway_unknown_organizations", help: "Organizations whose Redis state is being restored.",
                value: Double(gauges.unknownOrganizations)),
        ]
    }
}
