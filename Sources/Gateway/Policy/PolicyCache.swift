internal import Admission
internal import Catalogue
internal import Ledger
internal import Logging
internal import Synchronization

/// The policies of the organizations that asked last. An ordinary request finds its own here and waits for nothing.
///
/// Nothing here knows when a policy has changed: admission says so, by the position of the event that changed it.
final class PolicyCache: Sendable {
    typealias Read = @Sendable (OrganizationID) async throws -> OrganizationPolicy
    private typealias Answer = Result<OrganizationPolicy, any Error>

    private struct State {
        var known: LRUCache<OrganizationID, OrganizationPolicy>
        var running: [OrganizationID: Task<Answer, Never>] = [:]
    }

    private let state: Mutex<State>
    private let read: Read
    private let logger: Logger
    /// How long a request waits for the read models to have what admission has already.
    private let patience: Duration

    /// - Parameter capacity: how many organizations are remembered.
    init(capacity: Int = 10_000, patience: Duration = .seconds(2), logger: Logger, read: @escaping Read) {
        state = Mutex(State(known: LRUCache(capacity: capacity)))
        self.read = read
        self.logger = logger
        self.patience = patience
    }

    var count: Int { state.withLock { $0.known.count } }

    /// The policy as it was known last, or as it is now when it was not known.
    func policy(of organization: OrganizationID) async throws(GatewayError) -> OrganizationPolicy {
        if let known = state.withLock({ $0.known.value(for: organization) }) { return known }
        do {
            return try await ask(organization).value.get()
        } catch {
            throw unavailable(organization, error)
        }
    }

    /// The policy with everything up to `position`.
    /// - Throws: 503 when the read models do not get there within the patience.
    func policy(of organization: OrganizationID, atLeast position: Int64) async throws(GatewayError) -> OrganizationPolicy {
        let deadline = ContinuousClock.now + patience
        var pause: Duration = .milliseconds(1)
        while true {
            if let known = state.withLock({ $0.known.value(for: organization) }), known.position >= position { return known }
            do {
                let policy = try await ask(organization).value.get()
                if policy.position >= position { return policy }
                guard ContinuousClock.now < deadline else { throw Behind(position: policy.position, wanted: position) }
                try await Task.sleep(for: pause)
            } catch {
                throw unavailable(organization, error)
            }
            pause = min(pause * 2, .milliseconds(50))
        }
    }

    /// The policy as it is now, whatever is known.
    func newest(of organization: OrganizationID) async throws(GatewayError) -> OrganizationPolicy {
        do {
            return try await ask(organization).value.get()
        } catch {
            throw unavailable(organization, error)
        }
    }

    /// What `name/model` means where the organization has a provider of its own of that name; nil where it has not.
    func customProvider(
        of requested: String, for organization: OrganizationID
    ) async throws(GatewayError) -> (Resolution, Provider?)? {
        guard let (name, model) = CustomProvider.split(requested) else { return nil }
        var account = try await policy(of: organization).accounts[name]?.first
        // It may have been made a moment ago; only a name that means nothing comes here for nothing.
        if account == nil { account = try await newest(of: organization).accounts[name]?.first }
        guard let baseURL = account?.baseURL else { return nil }
        let (resolution, provider) = CustomProvider.resolution(name: name, model: model, baseURL: baseURL)
        return (resolution, provider)
    }

    private struct Behind: Error {
        let position: Int64
        let wanted: Int64
    }

    /// Those who ask for one organization at the same time share one reading.
    private func ask(_ organization: OrganizationID) -> Task<Answer, Never> {
        state.withLock { state in
            if let task = state.running[organization] { return task }
            // Not of the caller's task: it is shared, and one caller's cancellation must not fail the others.
            let task = Task { await self.run(organization) }
            state.running[organization] = task
            return task
        }
    }

    private func run(_ organization: OrganizationID) async -> Answer {
        let answer: Answer
        do { answer = .success(try await read(organization)) } catch { answer = .failure(error) }
        state.withLock { state in
            state.running[organization] = nil
            if case .success(let policy) = answer { state.known.set(policy, for: organization) }
        }
        return answer
    }

    private func unavailable(_ organization: OrganizationID, _ error: any Error) -> GatewayError {
        logger.warning(
            "an organization's policy could not be read", metadata: ["organization": "\(organization)", "error": "\(error)"])
        return .unavailable("The rules of this organization can't be read now; try again shortly.")
    }
}
