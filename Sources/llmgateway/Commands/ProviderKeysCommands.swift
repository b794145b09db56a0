import ArgumentParser
import Credentials
import Logging
import Postgres

struct ProviderKeysCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provider-keys", abstract: "Look after the encrypted credentials of organizations' provider keys.",
        subcommands: [Rotate.self])

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Encrypt every credential with the newest key.",
            discussion: """
                Put a new key (`openssl rand -base64 32`) before the old ones in PROVIDER_KEY_ENCRYPTION_KEYS, or on the first line \
                of the file provider-key-encryption in LLMGATEWAY_HOME; restart the gateways, so that all of them know it; run \
                this; then take the old keys away. It may be interrupted and run again while requests are served.
                """)

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try Settings()
            let keys = try ProviderKeySettings(home: settings.home).keys
            let postgres = PostgresClient(
                try settings.postgres(settings.databaseURL, name: "llmgateway provider-keys"), maximumConnections: 1,
                logger: settings.connectingLogger)
            let rotation = try await postgres.use { try await Self.rotate(ProviderSecrets(postgres: $0, keys: keys)) }
            struct Answer: Encodable {
                let rotated: Int64, unreadable: Int64
            }
            try output.show(
                Answer(rotated: rotation.rotated, unreadable: rotation.unreadable),
                text: "\(rotation.rotated) credentials rotated, \(rotation.unreadable) unreadable")
            // Whoever throws the old keys away must know that something still needs one.
            if rotation.unreadable > 0 { throw ExitCode.failure }
        }

        private static func rotate(_ secrets: ProviderSecrets) async throws -> ProviderSecrets.Rotation {
            var line = ProgressLine()
            let began = ContinuousClock.now
            let rotation = try await secrets.rotate { so in
                let done = so.rotated + so.unreadable
                let seconds = (ContinuousClock.now - began) / .seconds(1)
                let rate = Double(done) / max(seconds, 0.001)
                let left = Int64(Double(max(0, so.total - done)) / max(rate, 0.001))
                line.show("\(done) of \(so.total) credentials, \(Int64(rate))/s, \(left) s left")
            }
            if rotation.total > 0 { line.show("\(rotation.rotated) of \(rotation.total) credentials", isLast: true) }
            return rotation
        }
    }
}
