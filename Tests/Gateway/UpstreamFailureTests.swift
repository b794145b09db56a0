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

    /// Another route may do better, and others' requests still go to this one: a client's tools can bring a model to it.
    @Test func anAnswerThatItsModelBrokeOffSaysNothingOfTheProvider() {
        let failure = UpstreamFailure(said: .broken("MALFORMED_FUNCTION_CALL"))
        #expect(failure.isProvidersFault && failure.report == .answered)
    }

    @Test func anAnswerThatIsTooLargeWouldBeSoElsewhere() {
        let failure = UpstreamFailure(HTTPTransportError(.tooLarge, "large", sentRequest: true))
        #expect(failure.kind == .tooLarge && !failure.isProvidersFault && failure.report == .answered)
    }
}
