internal import Admission
internal import Ledger
internal import NIOCore
internal import Web

/// Finds whose key a token is. Whether the key may spend is admission's to say.
struct AuthenticateStep: Sendable {
    let gateway: Gateway

    /// - Throws: 401 for a token that no key has, 429 for an address that tries too many, 503 when it can't be looked up.
    func authenticate(_ incoming: IncomingRequest) async throws(GatewayError) -> KeyAddress {
        // Not the proxy's address: strangers behind it would use up what all others have.
        let client = gateway.configuration.trustedProxies.client(peer: incoming.peerAddress, headers: incoming.headers)
        do {
            guard
                let address = try await gateway.admission.address(
                    ofDigest: incoming.tokenDigest, client: client ?? "", on: incoming.eventLoop)
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
