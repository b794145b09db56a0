internal import Credentials
internal import Ledger
internal import Logging
internal import Web

extension Management {
    /// The most provider keys of one organization: a policy holds them all.
    static let mostProviderKeys = 100

    /// What a new provider key is given, checked.
    struct ProviderKeyDraft: Sendable {
        let provider: String
        let name: String?
        let baseURL: String?
        let options: ProviderKeyOptions?
        let credential: ProviderCredential
    }

    /// Makes a provider key. The credential goes beside the ledger before the event does, so that no key is without one.
    ///
    /// - Throws: 400 when there are too many, or a custom provider's name is taken.
    func addProviderKey(
        _ id: ProviderKeyID, to organization: OrganizationID, _ key: ProviderKeyDraft, secrets: ProviderSecrets,
        by caller: Caller
    ) async throws(WebError) {
        do {
            try await secrets.put(key.credential, for: id, of: organization)
        } catch {
            throw Self.away
        }
        do {
            try await addProviderKey(id, to: organization, key, by: caller)
        } catch {
            // 202: it is recorded, and will need its credential.
            if error.status != 202 { try? await secrets.remove(id) }
            throw error
        }
    }

    private func addProviderKey(
        _ id: ProviderKeyID, to organization: OrganizationID, _ key: ProviderKeyDraft, by caller: Caller
    ) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Change? in
            let standing = try await standing(of: .organization(organization), in: "provider_keys")
            _ = try await permitted(organization, .manageProviderKeys, by: caller, stranger: Self.noAccess)
            let present = try await providerKeys(of: organization, for: caller.user).filter { !$0.isDeleted }
            guard present.count < Self.mostProviderKeys else {
                throw WebError(
                    400, "An organization can have \(Self.mostProviderKeys) provider keys.", code: "limit_reached")
            }
            if let name = key.name, present.contains(where: { $0.name == name }) {
                throw WebError(400, "There is a custom provider of this name already.", field: "name", code: "name_taken")
            }
            let last = present.filter { $0.provider == key.provider }.map(\.place).max() ?? 0
            return try await commit(
                [
                    draft(
                        ProviderKeyCreated(
                            provider: key.provider, name: key.name, baseURL: key.baseURL, options: key.options, place: last + 1,
                            createdBy: caller.user),
                        .providerKey(id), version: 0, organization: organization, by: caller),
                    draft(
                        OrganizationProviderKeyAdded(providerKey: id), .organization(organization), version: standing.version,
                        organization: organization, by: caller),
                ], by: caller)
        }
    }

    /// Switches a provider key on or off.
    func change(providerKey id: ProviderKeyID, status: EntityStatus, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .providerKey(id), in: "provider_keys")
            let record = try await permitted(id, .manageProviderKeys, by: caller)
            if record.status == status.rawValue { return true }
            let done = try await commit(
                [
                    draft(
                        ProviderKeyUpdated(status: status), .providerKey(id), version: standing.version,
                        organization: record.organization, by: caller)
                ], by: caller)
            return done.map { _ in true }
        }
    }

    /// Deletes a provider key for good, and its credential.
    func delete(providerKey id: ProviderKeyID, secrets: ProviderSecrets, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Change? in
            let standing = try await standing(of: .providerKey(id), in: "provider_keys")
            let record = try await permitted(id, .manageProviderKeys, by: caller)
            return try await commit(
                [
                    draft(
                        ProviderKeyDeleted(), .providerKey(id), version: standing.version, organization: record.organization,
                        by: caller)
                ], by: caller)
        }
        do {
            try await secrets.sweep()
        } catch {
            // Nothing reads it any more; the next deletion takes it away.
            logger.warning("the credential of a deleted provider key was left", metadata: ["provider_key": "\(id)"])
        }
    }

    /// Puts an organization's keys of one provider into an order: all of them, the first to try first.
    ///
    /// - Throws: 400 when the list is not of exactly these keys.
    func order(
        providerKeys ids: [ProviderKeyID], of provider: String, in organization: OrganizationID, by caller: Caller
    ) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            _ = try await standing(of: .organization(organization), in: "provider_keys")
            _ = try await permitted(organization, .manageProviderKeys, by: caller, stranger: Self.noAccess)
            let present = try await providerKeys(of: organization, for: caller.user).filter {
                !$0.isDeleted && $0.provider == provider
            }
            guard ids.count == present.count, Set(ids) == Set(present.map(\.id)) else {
                throw WebError.invalid("providerKeyIds", "providerKeyIds must name each key of the provider once.")
            }
            let places = Dictionary(uniqueKeysWithValues: present.map { ($0.id, $0.place) })
            var drafts: [Draft] = []
            for (index, id) in ids.enumerated() where places[id] != Int64(index + 1) {
                let standing = try await standing(of: .providerKey(id), in: "provider_keys")
                drafts.append(
                    try draft(
                        ProviderKeyUpdated(place: Int64(index + 1)), .providerKey(id), version: standing.version,
                        organization: organization, by: caller))
            }
            if drafts.isEmpty { return true }
            return try await commit(drafts, by: caller).map { _ in true }
        }
    }
}
