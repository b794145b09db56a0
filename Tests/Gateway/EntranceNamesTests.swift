import Dialects
import Testing

@testable import Gateway

/// What is wrong is told in the words of whoever asked.
@Suite struct EntranceNamesTests {
    @Test(
        arguments: [
            (.messages, "reasoning_effort", "thinking"), (.messages, "max_tokens", "max_tokens"),
            (.messages, "messages[1].content[0].type", "messages[1].content[0].type"),
            (.responses, "reasoning_effort", "reasoning.effort"), (.responses, "messages[1].content[0].type", "input"),
            (.responses, "response_format", "text.format"), (.responses, "tools[0].type", "tools[0].type"),
            (.completions, "messages", "prompt"), (.chat, "reasoning_effort", "reasoning_effort"), (.responses, nil, nil),
        ] as [(Entrance, String?, String?)])
    func fieldsHaveTheClientsNames(_ entrance: Entrance, _ param: String?, _ own: String?) {
        let error = APIError.invalid(param, "\"\(param ?? "")\" is wrong")
        #expect(entrance.named(error) == .invalid(own, "\"\(own ?? "")\" is wrong"))
    }
}
