internal import Crypto
internal import JSON

extension String {
    /// A user's name for a provider that takes at most `most` bytes of one: the digest of a longer one, which names the same user.
    func asUser(most: Int) -> String {
        utf8.count > most ? SHA256.hash(data: Array(utf8)).hexadecimal : self
    }
}
