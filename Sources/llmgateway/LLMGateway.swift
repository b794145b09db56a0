import ArgumentParser

@main
struct LLMGateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "llmgateway",
        abstract: "An LLM gateway whose books always balance.",
        discussion: """
            Every request, key change and credit is an immutable event in Postgres; balances, usage and limits are derived \
            from the events and can be derived again. Settings come from the environment: DATABASE_URL, REDIS_URL, \
            MIGRATION_DATABASE_URL, PROJECTOR_DATABASE_URL, LLMGATEWAY_HOME, LLMGATEWAY_PORT, LLMGATEWAY_CATALOGUE, \
            LOG_LEVEL and LLM_<PROVIDER>_API_KEY. `tools/llmgateway` runs a subcommand in the environment of tools/up.
            """,
        subcommands: [
            Serve.self, Migrate.self, Demo.self, LedgerCommands.self, ProjectionsCommands.self, OrganizationsCommands.self,
            ProjectsCommands.self, KeysCommands.self, ProviderKeysCommands.self, CreditsCommands.self, BalanceCommand.self,
            StatementCommand.self, JournalCommand.self, ReconcileCommands.self, CatalogueCommands.self,
        ])
}
