public import Catalogue
internal import JSON

/// A request to edit images for a provider that takes it in OpenAI's format: what the client sent, with the provider's name for the
/// model and without what is the gateway's own.
///
/// JSON keeps the bytes of its values, a form those of its files; around these a form is written anew, so that no provider finds other
/// parts in it than were read here.
public struct NativeImageEdit: ForeignRequest {
    private let edit: ImageEdit
    private let provider: String
    private let isAzure: Bool
    private let boundary = MultipartForm.newBoundary()
    public let addedPromptTokens: Int64 = 0

    /// - Parameter provider: Who answers, for errors.
    public init(_ edit: ImageEdit, provider: String, isAzure: Bool) {
        (self.edit, self.provider, self.isAzure) = (edit, provider, isAzure)
    }

    public func path(model: String, at account: Provider.Account) -> String {
        isAzure ? ChatCall.azurePath("/images/edits", model: model, account.options) : "/images/edits"
    }

    public func headers(of call: ProviderCall) -> [(String, String)] {
        let key = isAzure ? ("api-key", call.account.apiKey) : ("authorization", "Bearer \(call.account.apiKey)")
        return edit.form == nil ? [key] : [key, ("content-type", "multipart/form-data; boundary=\(boundary)")]
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        guard let form = edit.form else {
            var name = Array("\"model\":".utf8)
            name.appendJSON(string: model)
            return ImageEdit.object(
                edit.ranges, of: edit.original, without: ["model", "routing"], first: String(decoding: name, as: UTF8.self))
        }
        let name = Array(model.utf8)
        let parts = form.parts.filter { $0.name != "routing" }.map { part in
            let bytes = part.name == "model" ? name[...] : edit.original[part.content]
            let isPicture = ["image", "image[]", "mask"].contains(part.name)
            return MultipartForm.Content(
                // Several images are told from one that stands twice by their name, and files from text by a name of theirs.
                name: part.name == "image" && edit.images.count > 1 ? "image[]" : part.name,
                filename: part.filename ?? (isPicture ? "image" : nil),
                mediaType: part.mediaType ?? (isPicture ? RemoteImage.mediaType(of: bytes) : nil), bytes: bytes)
        }
        return MultipartForm.write(parts, boundary: boundary)
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { PassedAnswer.images(of: provider) }
}

extension PassedAnswer {
    /// Of a provider that answers a request for images as OpenAI does.
    static func images(of provider: String) -> PassedAnswer {
        PassedAnswer(
            silent: [], failure: { _ in nil },
            refused: { status, body in .upstream(status: status, body: body, provider: "The provider \(provider)") })
    }
}
