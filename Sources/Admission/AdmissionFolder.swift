/// What Redis needs from the folder `projections/admission`.
public struct AdmissionFolder: Sendable {
    /// - Parameter path: the folder.
    public init(path: String) throws(AdmissionError) { preconditionFailure("not built yet") }
}
