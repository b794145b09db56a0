#if canImport(Glibc)
    import Glibc
#endif

/// libFuzzer's own entry (FuzzerDriver.h), so that one program has every target.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

// Set once, before the fuzzer begins.
nonisolated(unsafe) private var chosen = FuzzTarget.json

/// `fuzz TARGET [ARGUMENT OF LIBFUZZER...]`; tools/fuzz calls it.
@main struct FuzzMain {
    static func main() {
        guard CommandLine.argc > 1, let target = FuzzTarget(rawValue: CommandLine.arguments[1]) else {
            print(FuzzTarget.allCases.map(\.rawValue).joined(separator: "\n"))
            exit(CommandLine.argc > 1 ? 2 : 0)
        }
        chosen = target
        var words = CommandLine.unsafeArgv + 1
        words[0] = CommandLine.unsafeArgv[0]
        var count = CommandLine.argc - 1
        exit(
            runDriver(&count, &words) { bytes, count in
                do { try chosen.run(Array(UnsafeBufferPointer(start: bytes, count: count))) } catch { fatalError("\(error)") }
                return 0
            })
    }
}
