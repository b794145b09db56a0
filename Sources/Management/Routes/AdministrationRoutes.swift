internal import Hummingbird
internal import Money
internal import Web

extension ManagementRoutes {
    /// `GET /admin/metrics`: what this installation has given and earned, for those whom ADMIN_EMAILS names.
    func addAdministration(to router: Router<WebContext>) {
        router.get("/admin/metrics") { request, context in
            let caller = try await caller(request, context)
            guard try await sessions.isAdministrator(caller.user) else {
                throw WebError.forbidden("Only the administrators of this installation may see this.")
            }
            let people = try await sessions.signUps()
            let money = try await management.earnings()
            return Response.json([
                "totalCreditsIssued": .dollars(money.issued), "totalRevenue": .dollars(money.revenue),
                "netProfit": .dollars(NanoDollars(money.revenue.rawValue - money.issued.rawValue)),
                "totalSignups": .integer(people.total), "verifiedUsers": .integer(people.verified),
                "payingCustomers": .integer(money.payingCustomers),
            ])
        }
    }
}

extension WebValue {
    /// US dollars as a number, exact to the nano-dollar.
    fileprivate static func dollars(_ amount: NanoDollars) -> WebValue { .raw(Array(amount.decimal.utf8)) }
}
