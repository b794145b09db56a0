internal import Finance
internal import Hummingbird
internal import Ledger
internal import Logging
internal import Web

/// `GET /orgs/{id}/proof` and `GET /admin/ledger/proof`: that an event is under a seal.
extension BillingRoutes {
    /// - Parameter organization: Whose event it must be; nil for any.
    func proof(of organization: OrganizationID?, _ request: Request) async throws(WebError) -> Response {
        guard let position = try Self.number(request, "event", in: 1...Int64.max) else {
            throw WebError.invalid("event", "event is required: the event's position.")
        }
        let form = try Self.form(request)
        let proof = try await audit.onTurn { () throws(WebError) in
            do {
                let seals = try await audit.seals()
                return try await EventProof.of(
                    position: position, organization: organization, seals: seals, postgres: billing.postgres)
            } catch let error as FinanceError {
                throw WebError(error)
            } catch {
                billing.logger.warning("a proof could not be made", metadata: ["error": "\(error)"])
                throw WebError.unavailable("The seals or the ledger could not be read.")
            }
        }
        switch form {
        case .json: return Response.json(.raw(Array(proof.json.utf8)))
        case .csv: return Response.csv(proof.table)
        }
    }
}
