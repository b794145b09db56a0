internal import Admission
internal import Ledger
internal import NIOCore

/// Finds whose key a token is. Whether the key may spend is admission's to say.
struct AuthenticateStep: Sendable {
    let gateway: Gateway

    /// - Throws: 401 for a token that no key has, 429 for an address that tries too many, 503 when it can't be looked up.
    func authenticate(_ incoming: IncomingRequest) async throws(GatewayError) -> KeyAddress {
        do {
            guard
                let address = try await gateway.admission.address(
                    ofDigest: incoming.tokenDigest, client: incoming.peerAddress ?? "", on: incoming.eventLoop)
            else { throw GatewayError.unknownKey }
            return address
        } catch let error as GatewayError {
            throw error
        } catch let error as AdmissionError where error.code == .tooManyUnknownTokens {
            throw GatewayError.tooManyUnknownKeys
        } catch {
            throw GatewayError.unavailable("API keys can't be looked up now; try again shortly.")
        }
    }
}
