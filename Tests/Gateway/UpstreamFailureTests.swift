import Catalogue
import Dialects
import HTTPTransport
import Testing

@testable import Gateway

@Suite struct UpstreamFailureTests {
    /// An error that came with status 200 counts as if its own status had come: the client's fault is nobody else's.
    @Test(arguments: [(400, false), (413, false), (404, true), (429, true), (502, true), (529, true)])
    func anErrorInTheAnswersPlaceCountsAsItsStatus(_ status: Int, _ isProvidersFault: Bool) {
        let error = APIError(status: status, message: "No")
        let failure = UpstreamFailure(said: error)
        #expect(failure.kind == .status && failure.status == status && failure.isProvidersFault == isProvidersFault)
        let report: Circuits.Report = isProvidersFault ? .fault(retryAfter: nil) : .answered
        #expect(failure.report == report)
        #expect(APIError.upstream(status: status, body: failure.body, provider: "p") == error)
    }

    /// The account's fault is the provider's, under whatever status it comes: another one may do better.
    @Test func whatIsWrongWithTheAccountIsNoFaultOfTheClients() {
        let failure = UpstreamFailure(said: APIError(status: 400, message: "sk-abc", code: "invalid_api_key"))
        #expect(failure.status == 401 && failure.isProvidersFault)
        #expect(!String(decoding: failure.body, as: UTF8.self).contains("sk-abc"))
    }

    /// Some providers quote the credential that they were sent.
    @Test func theCredentialIsTakenOutOfWhatAProviderSays() throws {
        let file =
            #"{"providers":[{"id":"acme","name":"A","base_url":"https://a.test/v1"}],"models":[{"id":"m","name":"M","family":"f","#
            + #""mappings":[{"provider":"acme","model":"m","prices":{"input":"1","output":"1"},"context_size":9}]}]}"#
        func route(_ key: String) throws -> Route {
            let catalogue = try Catalogue.load(
                contents: [(path: "f", bytes: Array(file.utf8))], environment: ["LLM_ACME_API_KEY": key])
            return Route(
                mapping: catalogue.models[0].mappings[0], provider: try #require(catalogue.provider("acme")), promptTokens: 1)
        }
        func said(_ message: String, to key: String) throws -> String {
            let body = APIError(status: 400, message: message).json
            let failure = UpstreamFailure(kind: .status, message: "", status: 400, body: body)
            let told = failure.clientError(route: try route(key)).answer
            #expect(told.status == 400 && told.code == "invalid_request_error")
            #expect(
                SentCredential(of: try route(key)).hidden(in: body)
                    == APIError(status: 400, message: told.message).json)
            return told.message
        }
        #expect(try said("no acme-secret, acme-secret", to: "acme-secret") == "no ***, ***")
        #expect(try said("other", to: "acme-secret") == "other")
        // A word is no secret.
        #expect(try said("not empty", to: "empty") == "not empty")
    }

    /// Another route may do better, and others' requests still go to this one: a client's tools can bring a model to it.
    @Test func anAnswerThatItsModelBrokeOffSaysNothingOfTheProvider() {
        let failure = UpstreamFailure(said: .broken("MALFORMED_FUNCTION_CALL"))
        #expect(failure.isProvidersFault && failure.report == .answered)
    }

    @Test(arguments: [("{", true), (" \r\n\t{\"error\"", true), ("data: {", false), (": {", false), ("", false), ("\n\n", false)])
    func whatBeginsAsJSONIsNoStream(_ start: String, _ isJSON: Bool) {
        #expect(UpstreamAnswer.isJSON(Array(start.utf8)) == isJSON)
    }

    @Test func anAnswerThatIsTooLargeWouldBeSoElsewhere() {
        let failure = UpstreamFailure(HTTPTransportError(.tooLarge, "large", sentRequest: true))
        #expect(failure.kind == .tooLarge && !failure.isProvidersFault && failure.report == .answered)
        // The head is the provider's alone.
        let head = UpstreamFailure(head: HTTPTransportError(.tooLarge, "large", sentRequest: true))
        #expect(head.kind == .malformed && head.mayGoElsewhere && head.report == .fault(retryAfter: nil))
        #expect(UpstreamFailure(head: HTTPTransportError(.reset, "lost", sentRequest: true)).kind == .interrupted)
    }
}
