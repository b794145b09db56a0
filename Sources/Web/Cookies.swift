internal import HTTPTypes
public import Hummingbird

extension Request {
    /// The value of the first cookie of this name.
    public func cookie(_ name: String) -> String? {
        for header in headers[values: .cookie] {
            for pair in header.split(separator: ";") {
                let trimmed = pair.drop { $0 == " " }
                guard trimmed.hasPrefix(name + "=") else { continue }
                return String(trimmed.dropFirst(name.count + 1))
            }
        }
        return nil
    }
}
