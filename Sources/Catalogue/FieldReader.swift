internal import JSON
internal import Money

/// The fields of one JSON object of a catalogue file. Each read names the file, the entry and the field when it fails, and
/// a field that nobody reads is an error: a misspelled price must never be a price of nothing.
struct FieldReader {
    let file: String
    let entry: String
    private let path: String
    private let members: [String: JSONValue]

    init(_ value: JSONValue, file: String, entry: String, path: String = "") throws(CatalogueError) {
        self.file = file
        self.entry = entry
        self.path = path
        guard let fields = value.fields else {
            throw CatalogueError(file: file, entry: entry, field: path, "must be an object")
        }
        var members: [String: JSONValue] = [:]
        for field in fields {
            guard members.updateValue(field.value, forKey: field.name) == nil else {
                throw CatalogueError(file: file, entry: entry, field: Self.join(path, field.name), "stands twice")
            }
        }
        self.members = members
    }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    func error(_ field: String, _ message: String) -> CatalogueError {
        CatalogueError(file: file, entry: entry, field: Self.join(path, field), message)
    }

    /// Refuses every field but `names`.
    func allow(_ names: Set<String>) throws(CatalogueError) {
        guard let unknown = members.keys.filter({ !names.contains($0) }).min() else { return }
        throw error(unknown, "is not a field of the catalogue")
    }

    /// The value of a field; absent and null are nil.
    private func value(_ field: String) -> JSONValue? {
        guard let value = members[field], value != .null else { return nil }
        return value
    }

    /// The names of all fields, sorted.
    var names: [String] { members.keys.sorted() }

    /// A decimal string from 0 to 10.
    func priority(_ field: String) throws(CatalogueError) -> Multiplier? {
        guard let text = try optionalString(field) else { return nil }
        guard let value = try? Multiplier(decimal: text), (0...10_000_000).contains(value.partsPerMillion) else {
            throw error(field, "must be a decimal from \"0\" to \"10\"")
        }
        return value
    }

    func has(_ field: String) -> Bool { value(field) != nil }

    func string(_ field: String) throws(CatalogueError) -> String {
        guard let text = try optionalString(field) else { throw error(field, "is missing") }
        return text
    }

    func optionalString(_ field: String) throws(CatalogueError) -> String? {
        guard let value = value(field) else { return nil }
        guard let text = value.text else { throw error(field, "must be a string") }
        guard !text.isEmpty, text.utf8.count <= 4096 else { throw error(field, "must have 1 to 4096 bytes") }
        return text
    }

    /// A name that clients write: 1 to 256 bytes of printable ASCII, or only those of `allowed`.
    func identifier(_ field: String, allowed: String? = nil) throws(CatalogueError) -> String {
        let text = try string(field)
        guard isIdentifier(text, allowed: allowed) else {
            throw error(
                field, "must have 1 to 256 characters of \(allowed.map { "\"\($0)\"" } ?? "printable ASCII without spaces")")
        }
        return text
    }

    func identifiers(_ field: String) throws(CatalogueError) -> [String] {
        var names: [String] = []
        for value in try list(field, optional: true) {
            guard let name = value.text, isIdentifier(name, allowed: nil) else {
                throw error(field, "must be strings of 1 to 256 printable ASCII characters without spaces")
            }
            names.append(name)
        }
        return names
    }

    private func isIdentifier(_ text: String, allowed: String?) -> Bool {
        let isAllowed = { (byte: UInt8) in allowed.map { $0.utf8.contains(byte) } ?? (byte > 0x20 && byte < 0x7F) }
        return !text.isEmpty && text.utf8.count <= 256 && text.utf8.allSatisfy(isAllowed)
    }

    func flag(_ field: String) throws(CatalogueError) -> Bool {
        guard let value = value(field) else { return false }
        guard let flag = value.flag else { throw error(field, "must be true or false") }
        return flag
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ field: String) throws(CatalogueError) -> Choice? {
        guard let text = try optionalString(field) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw error(field, "must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    func list(_ field: String, optional: Bool) throws(CatalogueError) -> [JSONValue] {
        guard let value = value(field) else {
            guard optional else { throw error(field, "is missing") }
            return []
        }
        guard let elements = value.elements else { throw error(field, "must be an array") }
        return elements
    }

    /// The object in a field, or nil.
    func object(_ field: String) throws(CatalogueError) -> FieldReader? {
        guard let value = value(field) else { return nil }
        return try FieldReader(value, file: file, entry: entry, path: Self.join(path, field))
    }

    /// The objects of the array in a field.
    func objects(_ field: String) throws(CatalogueError) -> [FieldReader] {
        var objects: [FieldReader] = []
        for (index, value) in try list(field, optional: true).enumerated() {
            objects.append(try FieldReader(value, file: file, entry: entry, path: Self.join(path, "\(field)[\(index)]")))
        }
        return objects
    }

    /// A number of tokens: above zero, at most a billion.
    func size(_ field: String) throws(CatalogueError) -> Int64? {
        guard let value = value(field) else { return nil }
        guard let size = value.int64, size > 0, size <= 1_000_000_000 else {
            throw error(field, "must be a whole number from 1 to 1000000000")
        }
        return size
    }

    /// A decimal string in a field, read by `parse`.
    func decimal<Number>(
        _ field: String, _ parse: (String) throws(MoneyError) -> Number
    ) throws(CatalogueError) -> Number? {
        guard let value = value(field) else { return nil }
        guard let text = value.text else { throw error(field, "must be a decimal string") }
        do throws(MoneyError) {
            return try parse(text)
        } catch {
            throw self.error(field, error.message)
        }
    }

    /// Midnight UTC of a day such as `"2027-01-31"`, or a minute of one, in microseconds since 1970.
    func minute(_ field: String) throws(CatalogueError) -> Int64? {
        guard let text = try optionalString(field) else { return nil }
        guard let minute = CalendarMinute.microseconds(text) else {
            throw error(field, "must be a day such as \"2027-01-31\", or a minute of one such as \"2027-01-31T17:00Z\"")
        }
        return minute
    }
}
