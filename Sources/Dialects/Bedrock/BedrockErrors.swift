internal import JSON

extension APIError {
    /// What a refusal of Bedrock says, `{"message"}`, with OpenAI's types and codes
    /// (https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html).
    static func bedrock(status: Int, _ body: JSONValue?) -> APIError {
        let message = (body?["message"] ?? body?["Message"])?.text ?? ""
        var status = status
        // The model failed, which a status of the client's would hide.
        if status == 424 || !(400...599).contains(status) { status = 502 }
        // A model that the gateway's account does not have is nothing that a client could do anything about.
        if status == 400, unknownModels.contains(where: { message.contains($0) }) { status = 404 }
        return APIError(status: status, message: message.isEmpty ? "AWS Bedrock answered with status \(status)" : message)
    }

    /// What an exception in a stream says.
    ///
    /// - Parameter type: its name, which tells the status.
    static func bedrock(_ type: String, _ body: JSONValue?) -> APIError {
        .bedrock(status: statuses[type.lowercased()] ?? 502, body)
    }

    private static let unknownModels = ["model identifier is invalid", "on-demand throughput isn"]

    private static let statuses = [
        "validationexception": 400, "accessdeniedexception": 403, "resourcenotfoundexception": 404,
        "modeltimeoutexception": 408, "modelerrorexception": 424, "modelstreamerrorexception": 424,
        "throttlingexception": 429, "modelnotreadyexception": 429, "servicequotaexceededexception": 429,
        "internalserverexception": 500, "serviceunavailableexception": 503,
    ]
}
