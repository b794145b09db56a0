internal import Catalogue
internal import JSON

internal import struct FoundationEssentials.Data

/// A request to edit images in OpenAI's format (https://platform.openai.com/docs/api-reference/images/createEdit): a form of
/// `multipart/form-data` with the images as files, or JSON that names them by addresses or holds them as data URLs.
///
/// What is asked beside the images is the same in both, and is read of ``fields``. Files by id are refused by name: they would be
/// those of the gateway's own account.
public struct ImageEdit: Sendable {
    /// The request without its images, as a JSON object.
    public let fields: [UInt8]
    /// Those to be edited, 1 to ``maximumCount``.
    let images: [Picture]
    /// Where the first of them is to be edited.
    let mask: Picture?
    /// What a client calls the images: `image` in a form, `images` in JSON.
    let imagesField: String
    /// The client's own body.
    let original: [UInt8]
    /// nil where the request is JSON.
    let form: MultipartForm?
    /// Where the values of the members of JSON stand in ``original``.
    let ranges: [String: Range<Int>]

    /// The most images of a request.
    public static let maximumCount = 16

    enum Picture: Sendable {
        /// Bytes of the body.
        case data(Range<Int>, mediaType: String)
        /// A data URL, or the address of an image that whoever edits it fetches.
        case url(String)
    }

    /// Reads a body.
    ///
    /// - Parameter contentType: Of the request; what is no form is JSON.
    /// - Throws: 400 naming a field that is not known, stands twice, or asks for what is not served, and for a form that is malformed.
    public init(_ body: [UInt8], contentType: String?) throws(APIError) {
        var boundary: String?
        if let contentType { boundary = try MultipartForm.boundary(of: contentType) }
        if let boundary {
            try self.init(try MultipartForm(body, boundary: boundary), of: body)
        } else {
            try self.init(json: body)
        }
        guard !images.isEmpty else { throw .invalid(imagesField, "\"\(imagesField)\" is required") }
        guard images.count <= Self.maximumCount else {
            throw .invalid(imagesField, "at most \(Self.maximumCount) images can be edited at once")
        }
    }

    private init(_ form: MultipartForm, of body: [UInt8]) throws(APIError) {
        var members: [(String, JSONValue?)] = []
        var images: [Picture] = []
        var mask: Picture?
        for part in form.parts {
            switch part.name {
            case "image", "image[]": images.append(try Self.picture(part, of: body))
            case "mask":
                guard mask == nil else { throw .invalid("mask", "\"mask\" stands twice") }
                mask = try Self.picture(part, of: body)
            default: members.append((part.name, try Self.value(part, of: body)))
            }
        }
        fields = JSONValue.members(members).bytes
        var read = try RequestFields(fields)
        try ImagesRequest.check(&read, known: ImagesRequest.knownOfEdits)
        (self.images, self.mask, imagesField) = (images, mask, "image")
        (original, self.form, ranges) = (body, form, [:])
    }

    private init(json body: [UInt8]) throws(APIError) {
        var read = try RequestFields(body)
        var images: [Picture] = []
        if let listed = try read.take("images") {
            guard let elements = listed.elements else { throw .invalid("images", "\"images\" must be an array") }
            for (index, element) in elements.enumerated() { images.append(try Self.picture(element, "images[\(index)]")) }
        }
        var mask: Picture?
        if let given = try read.take("mask") { mask = try Self.picture(given, "mask") }
        ranges = read.ranges
        try ImagesRequest.check(&read, known: ImagesRequest.knownOfEdits)
        fields = Self.object(ranges, of: body, without: ["images", "mask"])
        (self.images, self.mask, imagesField) = (images, mask, "images")
        (original, form) = (body, nil)
    }

    private static func picture(_ part: MultipartForm.Part, of body: [UInt8]) throws(APIError) -> Picture {
        let name = part.name == "mask" ? "mask" : "image"
        let said = part.mediaType.flatMap { $0.hasPrefix("image/") ? $0 : nil }
        guard !part.content.isEmpty, let mediaType = RemoteImage.mediaType(of: body[part.content]) ?? said else {
            throw .invalid(name, "\"\(name)\" must be the bytes of an image")
        }
        return .data(part.content, mediaType: mediaType)
    }

    private static func picture(_ value: JSONValue, _ path: String) throws(APIError) -> Picture {
        guard let members = value.fields else { throw .invalid(path, "\"\(path)\" must be an object with an \"image_url\"") }
        for member in members where member.name != "image_url" && member.value != .null {
            let path = "\(path).\(member.name.prefix(64))"
            throw .invalid(path, "\"\(path)\" is not known or not served: images are given by \"image_url\"")
        }
        guard members.count(where: { $0.name == "image_url" }) == 1, let url = value["image_url"]?.text else {
            throw .invalid("\(path).image_url", "\"\(path).image_url\" must be a string, and stand once")
        }
        let isImage = DataURL(url).map { $0.isBase64 && $0.mediaType.hasPrefix("image/") && !$0.data.isEmpty }
        guard isImage ?? (url.hasPrefix("https://") || url.hasPrefix("http://")) else {
            throw .invalid(
                "\(path).image_url", "\"\(path).image_url\" must be a URL of http or https, or a data URL of an image in base64")
        }
        return .url(url)
    }

    /// What a part of a form says, as the member that it is in JSON.
    private static func value(_ part: MultipartForm.Part, of body: [UInt8]) throws(APIError) -> JSONValue {
        let name = String(part.name.prefix(64))
        guard part.filename == nil, let text = String(validating: body[part.content], as: UTF8.self) else {
            throw .invalid(name, "\"\(name)\" must be text in UTF-8, and no file")
        }
        switch part.name {
        case "n", "output_compression": return Int64(text).map { .integer($0) } ?? .string(text)
        case "stream" where text == "true" || text == "false": return .bool(text == "true")
        default: return .string(text)
        }
    }

    /// The members of an object but for some, with the bytes of their values as they stand in `body`.
    static func object(
        _ ranges: [String: Range<Int>], of body: [UInt8], without own: Set<String>, first: String = ""
    ) -> [UInt8] {
        var object = Array("{\(first)".utf8)
        for (name, range) in ranges.sorted(by: { $0.value.lowerBound < $1.value.lowerBound }) where !own.contains(name) {
            if object.count > 1 { object.append(UInt8(ascii: ",")) }
            object.appendJSON(string: name)
            object.append(UInt8(ascii: ":"))
            object += body[range]
        }
        return object + "}".utf8
    }
}

extension ImageEdit {
    /// The number of images to be edited.
    public var count: Int64 { Int64(images.count) }

    /// What each image is, and the mask: bytes that are equal where the images are, for whoever compares requests.
    public var pictures: [[UInt8]] { images.map { bytes(of: $0, "i") } + (mask.map { [bytes(of: $0, "m")] } ?? []) }

    private func bytes(of picture: Picture, _ role: String) -> [UInt8] {
        switch picture {
        case .data(let range, _): Array("\(role)d".utf8) + original[range]
        case .url(let url): Array("\(role)u\(url)".utf8)
        }
    }

    /// The images as addresses or data URLs.
    ///
    /// - Throws: 400 naming the mask, which none of the providers understands that take images so, or more images than `most`.
    func urls(atMost most: Int, for provider: String) throws(APIError) -> [String] {
        guard mask == nil else { throw .invalid("mask", "\"mask\" can't be expressed to \(provider), who answers this model") }
        guard images.count <= most else {
            throw .invalid(imagesField, "\(provider), who answers this model, edits at most \(most) images at once")
        }
        return images.map { url(of: $0) }
    }

    private func url(of picture: Picture) -> String {
        switch picture {
        case .data(let range, let mediaType): "data:\(mediaType);base64,\(Data(original[range]).base64EncodedString())"
        case .url(let url): url
        }
    }

    /// Where the images stand in the client's request, for errors.
    func path(ofImage index: Int) -> String { form == nil ? "images[\(index)].image_url" : "image" }
}

extension ChatRequestScan {
    /// Scans a request to edit images.
    ///
    /// - Throws: 400 naming the field.
    public init(_ edit: ImageEdit) throws(APIError) {
        self = try ChatRequestScan(edit.fields, of: .image)
        otherImages = edit.count + (edit.mask == nil ? 0 : 1)
    }
}
