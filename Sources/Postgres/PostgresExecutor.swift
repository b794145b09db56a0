/// The thread that reads the answers of all connections, as a place to run tasks on.
///
/// A task that does little else than to send statements and to look at their answers costs no hop between threads there.
/// It holds up every other connection of the process while it runs: only short steps, nothing that blocks.
public enum PostgresExecutor {
    /// The executor of this process; nil when the system has no thread or descriptor left for it.
    public static var shared: (any TaskExecutor)? { try? Reactor.shared() }
}
