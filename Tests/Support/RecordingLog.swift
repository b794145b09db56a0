public import Logging
import Synchronization

/// Keeps what is logged.
public final class RecordingLog: LogHandler, Sendable {
    private let all = Mutex<[String]>([])
    private let least: Logger.Level

    /// - Parameter least: What is less than that is not kept.
    public init(_ least: Logger.Level = .trace) { self.least = least }

    /// A line each, with its level and its metadata.
    public var lines: [String] { all.withLock { $0 } }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    public var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    public var logLevel: Logger.Level {
        get { least }
        set {}
    }

    public func log(event: LogEvent) {
        all.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}
