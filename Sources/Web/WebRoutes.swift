public import Hummingbird

/// Routes that are served on the gateway's listener, beside the gateway's own.
///
/// A handler throws ``WebError`` for whatever the client did wrong; anything else that it throws is answered with a 500
/// that says nothing, and logged.
public protocol WebRoutes: Sendable {
    /// Adds the routes; called once, at start-up.
    func register(on router: Router<WebContext>)
}
