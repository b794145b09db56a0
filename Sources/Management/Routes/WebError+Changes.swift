internal import Web

extension WebError {
    /// A change that names nothing that its route changes: were it answered as done, whoever sent it would believe that it is.
    ///
    /// - Parameter members: What it may name.
    static func changesNothing(_ members: String...) -> WebError {
        .invalid(nil, "The body changes nothing; it can have \(members.joined(separator: ", ")).")
    }
}
