/// A fault that is put into the models or into the walk on purpose, to see that the reference finds it.
package enum Mutation: String, CaseIterable, Sendable {
    /// The ledger does not look whether an event is there already.
    case forgetsIDs
    /// The ledger takes any expected version.
    case ignoresVersions
    /// The ledger takes authorizations of an epoch that is over.
    case ignoresEpochs
    /// Admission lets a request through that the balance does not cover.
    case ignoresBalance
    /// `apply` does not look at positions: a slice that comes twice counts twice.
    case appliesTwice
    /// An outcome leaves its hold where it is.
    case keepsHolds
    /// A hold without an event is never given back.
    case neverReleases
    /// The projector loses an event.
    case skipsEvents
    /// The provider is called before the authorization is durable.
    case callsTooEarly
    /// The client has its answer before the outcome is durable.
    case answersTooEarly
    /// The disk says that it has what it has not.
    case liesAboutSync
    /// A webhook that comes twice is booked twice.
    case booksTwice
    /// A strict organization is charged what a provider charges beyond the hold.
    case chargesBeyondHolds
    /// Whoever comes back first after an outage buries everybody who could not renew in it.
    case buriesTooSoon
}
