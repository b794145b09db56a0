internal import Hummingbird

/// `GET /metrics`: the Prometheus text format.
struct MetricsRoute: Sendable {
    let registry: PrometheusRegistry

    func add(to router: Router<GatewayRequestContext>) {
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: await registry.render())))
        }
    }
}
