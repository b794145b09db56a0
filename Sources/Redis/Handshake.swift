/// What a connection says before anything else, and what the answers mean.
enum HandshakeStep: Sendable, Hashable {
    case authenticate, selectDatabase, setName
}

enum Handshake {
    static func steps(_ configuration: RedisConfiguration) -> [(step: HandshakeStep, arguments: [RedisArgument])] {
        var steps: [(HandshakeStep, [RedisArgument])] = []
        if let password = configuration.password {
            let credentials = [configuration.user, password].compactMap(\.self).map(RedisArgument.string)
            steps.append((.authenticate, ["AUTH"] + credentials))
        }
        if configuration.database != 0 {
            steps.append((.selectDatabase, ["SELECT", .integer(Int64(configuration.database))]))
        }
        steps.append((.setName, ["CLIENT", "SETNAME", .string(configuration.clientName)]))
        return steps
    }

    /// Why the connection can't be used after this answer; nil if it can.
    static func refusal(of step: HandshakeStep, answer: RedisValue) -> RedisError? {
        guard case .error(let text) = answer else { return nil }
        let error = RedisError(serverReply: text)
        switch step {
        case .authenticate:
            // The server's text may quote what it was sent.
            return RedisError(
                .server, "Redis refused the credentials (\(error.serverCode ?? "ERR"))", serverCode: error.serverCode)
        case .selectDatabase:
            return RedisError(.server, "Redis refused the database: \(error.message)", serverCode: error.serverCode)
        case .setName:
            // A name only helps whoever looks at CLIENT LIST; an access list may well forbid it.
            return error.serverCode == "NOAUTH" ? error : nil
        }
    }
}
