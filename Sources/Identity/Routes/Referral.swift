internal import HTTPTypes
internal import Hummingbird
internal import Web

/// Who sent a visitor here: kept by the visitor's browser until they make an account.
struct Referral: Sendable {
    static let cookieName = "llmgateway_referral"
    private static let lifetime: Duration = .seconds(30 * 86_400)

    /// The referring organization's id as the link had it; whether there is such a one is seen when the account is made.
    let reference: String

    /// nil for what can't stand in a cookie.
    init?(_ reference: String) {
        let isPlain = reference.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
            default: false
            }
        }
        guard (1...64).contains(reference.utf8.count), isPlain else { return nil }
        self.reference = reference
    }

    /// What the request's cookie says.
    init?(of request: Request) {
        guard let value = request.cookie(Self.cookieName) else { return nil }
        self.init(value)
    }

    func cookie(_ attributes: String) -> String {
        "\(Self.cookieName)=\(reference)\(attributes); Max-Age=\(Self.lifetime.components.seconds)"
    }
}

extension IdentityRoutes {
    private struct ReferralBody: Decodable, Sendable { let ref: String }

    /// `POST /referral`: keeps in the visitor's browser who sent them.
    func registerReferral(to router: Router<WebContext>) {
        on(.post, "/referral", router) { request, _ in
            let body = try await WebBody.read(ReferralBody.self, from: request, upTo: WebBody.smallBytes)
            guard let referral = Referral(body.ref) else {
                throw IdentityError.invalid("ref", "ref must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and -.")
            }
            var response = Response.json(["success": true])
            response.headers[values: .setCookie].append(referral.cookie(cookie.attributes))
            return response
        }
    }
}
