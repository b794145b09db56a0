import HTTPTypes
import Hummingbird
import Ledger
import Synchronization
import TestSupport
import Testing
import Web

@testable import Management

/// Sessions that end while the body of a request is on its way.
@Suite struct SessionTests {
    @Test func aSessionThatEndedMeanwhileChangesNothing() async throws {
        try await World.run { world in
            let (person, _, project) = try await world.owner()
            let head = try await world.database.head()
            let key = try await brief(world).key(of: project, by: person)
            #expect(key.status == 401)
            let after = try await world.database.head()
            #expect(after == head)

            let chat = try await brief(world).send(.post, "/chats", #"{"title":"t","model":"m"}"#, as: person)
            #expect(chat.status == 401)
            let chats = try await world.database.text("SELECT count(*)::text FROM management.chats")
            #expect(chats == "0")
        }
    }

    private func brief(_ world: World) throws -> World {
        let routes = ManagementRoutes(
            management: world.management, sessions: BriefSessions(), providerKeys: try World.providerKeys(world.database.client))
        return World(
            database: world.database, management: world.management, appender: world.appender,
            responder: WebResponder([routes], logger: quiet))
    }
}

/// Those of the tests, each until it has been looked at.
private final class BriefSessions: SessionSource {
    private let seen = Mutex<Set<UserID>>([])

    func signedIn(_ request: Request, _ context: WebContext) async throws(WebError) -> SignedIn {
        let found = try await TestSessions().signedIn(request, context)
        let isFirst = seen.withLock { seen in seen.insert(found.user).inserted }
        guard isFirst else { throw WebError.unauthorized }
        return found
    }

    func isAdministrator(_ user: UserID) async throws(WebError) -> Bool { false }
    func signUps() async throws(WebError) -> SignUps { try await TestSessions().signUps() }
    var cookieAttributes: String { TestSessions().cookieAttributes }
    func people(_ ids: [UserID]) async throws(WebError) -> [UserID: Person] { try await TestSessions().people(ids) }
}
