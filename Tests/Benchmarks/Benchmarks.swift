import ArgumentParser

@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks",
        abstract: "Measures the parts of the gateway in ratios against a yardstick of the same run.",
        subcommands: [
            AdmitBench.self, AppendBench.self, FillCommand.self, FinanceBench.self, ProjectBench.self, RebuildBench.self,
            RedisBench.self, ShopsCommand.self, VerifyBench.self,
        ])
}
