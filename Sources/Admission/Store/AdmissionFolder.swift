import Crypto
import FoundationEssentials
import Ledger

/// What Redis needs from the folder `projections/admission`: the library of functions.
///
/// The library's name ends in a digest of its text, so gateways of different versions can use one Redis while they are
/// replaced one by one. A class, so that what refers to it and to a connection fits into an existential without an allocation.
public final class AdmissionFolder: Sendable {
    /// What FUNCTION LOAD takes.
    let library: String
    private let names: [String]

    /// Reads `functions.lua`.
    /// - Parameter path: the folder.
    /// - Throws: ``AdmissionError`` with `misconfigured`.
    public init(path: String) throws(AdmissionError) {
        let file = path + "/functions.lua"
        guard let bytes = FileManager.default.contents(atPath: file), let text = String(data: bytes, encoding: .utf8) else {
            throw AdmissionError(.misconfigured, "\(file) can't be read")
        }
        guard text.hasPrefix("#!lua name=\(Self.placeholder)\n") else {
            throw AdmissionError(.misconfigured, "\(file) does not begin with the library's name")
        }
        let digest = Hexadecimal.encode(SHA256.hash(data: bytes).prefix(6))
        let name = "llmgateway_admission_\(digest)"
        library = text.replacing(Self.placeholder, with: name)
        names = AdmissionFunction.allCases.map { "\(name)_\($0.rawValue)" }
    }

    /// The name that FCALL takes.
    func name(of function: AdmissionFunction) -> String { names[function.index] }

    private static let placeholder = "llmgateway_admission_dev"
}

/// The functions of `functions.lua`.
package enum AdmissionFunction: String, Sendable, CaseIterable {
    case admit, lower, release, apply, claim, unclaim, seed, available, overdue, mark, complete

    var index: Int {
        switch self {
        case .admit: 0
        case .lower: 1
        case .release: 2
        case .apply: 3
        case .claim: 4
        case .unclaim: 5
        case .seed: 6
        case .available: 7
        case .overdue: 8
        case .mark: 9
        case .complete: 10
        }
    }
}
