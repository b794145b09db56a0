/// Whether Claude is to go on after the results of tools without what it thought before it called them.
///
/// A client of chat completions that keeps no `reasoning_details` can't send it back, and calls of another model have none.
/// With a budget for thinking Anthropic refuses such a turn ("Expected `thinking` or `redacted_thinking`, but found `tool_use`"),
/// which would end every conversation with its first tool; so the turn goes on without thinking. A model that thinks as it sees
/// fit takes it (https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking).
struct LostThoughts {
    /// Whether a thought stands in the turn of the assistant that was begun last. The calls of tools and their results belong to
    /// one turn, in which Claude need not think again before every call.
    private var thinks = false
    /// Whether results came since the assistant spoke.
    private var hasResults = false
    /// Whether the assistant, when it speaks again, goes on with its turn.
    private var goesOn = false

    /// Whether the thoughts are gone that Anthropic would want to see.
    var areMissed: Bool { hasResults && !thinks }

    /// Takes the next message.
    ///
    /// - Parameter thinks: whether a thought of Claude stands in it.
    mutating func note(role: String, thinks: Bool) {
        switch role {
        case "assistant":
            self.thinks = thinks || (goesOn && self.thinks)
            (hasResults, goesOn) = (false, true)
        case "tool": hasResults = true
        case "user": goesOn = hasResults
        default: break
        }
    }
}

extension MessagesRequest.Thinking {
    /// What can be asked for in a conversation with these thoughts.
    func after(_ lost: LostThoughts) -> MessagesRequest.Thinking {
        if case .budget = self, lost.areMissed { .none } else { self }
    }
}
