internal import Dispatch
internal import FoundationEssentials
internal import Ledger
public import Logging
internal import Synchronization

/// Sends mail: every message is first a file of the spool folder, and then, when there is a server, goes out by SMTP.
///
/// Without a server the files stay, for a person to read. A message that the server did not take is tried again a few times
/// and then kept as `.failed`; what a process leaves behind is sent by the next one.
public final class Mailer: Sendable {
    private let folder: String
    private let server: MailServer?
    private let sender: String
    private let logger: Logger
    /// Writing files and speaking to a server block, each on a thread of its own: a slow server delays no file.
    private let files = DispatchQueue(label: "llmgateway.mail.spool")
    private let deliveries = DispatchQueue(label: "llmgateway.mail.smtp")
    private let waiting = Mutex(0)
    private let maximumWaiting = 1000
    private let pauses: [Duration]

    /// - Parameters:
    ///   - folder: where messages lie; made when it is missing, for this user's eyes only.
    ///   - server: nil keeps all messages in the folder.
    ///   - sender: the mailbox that messages come from.
    ///   - pauses: how long to wait before each further attempt at a message.
    public init(
        folder: String, server: MailServer?, sender: String, pauses: [Duration] = [.seconds(1), .seconds(5), .seconds(30)],
        logger: Logger
    ) {
        self.folder = folder
        self.server = server
        self.sender = sender
        self.pauses = pauses
        self.logger = logger
        if server != nil { files.async { self.deliverWhatIsThere() } }
    }

    /// Takes a message and returns at once. One that can't be kept is logged without its content.
    public func send(_ mail: Mail) {
        let isTaken = waiting.withLock { count in
            guard count < maximumWaiting else { return false }
            count += 1
            return true
        }
        guard isTaken else {
            logger.error("a mail was dropped: too many wait to be written")
            return
        }
        files.async { self.keep(mail) }
    }

    /// Deletes the messages to an address that lie in the folder.
    public func forget(_ recipient: String) async {
        await withCheckedContinuation { (caller: CheckedContinuation<Void, Never>) in
            files.async { [self] in
                for (path, bytes) in messages(endingIn: [".eml", ".eml.failed"])
                where Self.recipient(of: bytes)?.lowercased() == recipient.lowercased() {
                    try? FileManager.default.removeItem(atPath: path)
                }
                caller.resume()
            }
        }
    }

    /// Returns when every message that was taken before lies in the folder and was tried once.
    public func drain() async {
        for queue in [files, deliveries] {
            await withCheckedContinuation { (caller: CheckedContinuation<Void, Never>) in queue.async { caller.resume() } }
        }
    }

    private func keep(_ mail: Mail) {
        defer { waiting.withLock { $0 -= 1 } }
        let id = UUIDv7.next().uuidString.lowercased()
        let path = "\(folder)/\(id).eml"
        let bytes = mail.rendered(from: sender, id: id, at: .now)
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try Data(bytes).write(to: URL(filePath: path), options: .atomic)
        } catch {
            logger.error("a mail could not be kept", metadata: ["folder": "\(folder)", "error": "\(error)"])
            return
        }
        if server != nil { deliver(path, to: mail.recipient, bytes, attempt: 0) }
    }

    private func deliver(_ path: String, to recipient: String, _ bytes: [UInt8], attempt: Int) {
        deliveries.async { [self] in
            guard let server else { return }
            do throws(MailServer.Failure) {
                try server.deliver(bytes, from: sender, to: recipient)
                try? FileManager.default.removeItem(atPath: path)
            } catch {
                logger.warning("a mail was not taken", metadata: ["attempt": "\(attempt + 1)", "error": "\(error)"])
                guard attempt < pauses.count, !error.isPermanent else {
                    try? FileManager.default.moveItem(atPath: path, toPath: path + ".failed")
                    return
                }
                let pause = pauses[attempt].components
                let nanoseconds = Int(pause.seconds) * 1_000_000_000 + Int(pause.attoseconds / 1_000_000_000)
                files.asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) {
                    self.deliver(path, to: recipient, bytes, attempt: attempt + 1)
                }
            }
        }
    }

    private func deliverWhatIsThere() {
        for (path, bytes) in messages(endingIn: [".eml"]) {
            guard let recipient = Self.recipient(of: bytes) else { continue }
            deliver(path, to: recipient, Array(bytes), attempt: 0)
        }
    }

    /// What lies in the folder, oldest first.
    private func messages(endingIn suffixes: [String]) -> [(path: String, bytes: Data)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().filter { name in suffixes.contains { name.hasSuffix($0) } }.compactMap { name in
            let path = "\(folder)/\(name)"
            return FileManager.default.contents(atPath: path).map { (path, $0) }
        }
    }

    private static func recipient(of bytes: Data) -> String? {
        let head = String(decoding: bytes.prefix(4096), as: UTF8.self)
        let line = head.split(separator: "\r\n").first { $0.hasPrefix("To: ") }
        guard let address = line.map({ String($0.dropFirst(4)) }), MailAddress.isSafe(address) else { return nil }
        return address
    }
}
