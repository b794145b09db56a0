public import Money

/// What credit is bounded by before it is recorded: an event stays for ever, and admission counts an organization's credit in 64 bits.
public enum CreditBounds {
    /// The most that one event gives or takes, 10,000,000 USD: more is a slip of the hand.
    public static let single = NanoDollars(10_000_000 * 1_000_000_000)

    /// The most that an organization is credited in all, and the most that it may lack: half of what 64 bits hold.
    ///
    /// The other half is for what is charged, and for what is credited at the same moment and not seen by whoever looks: hundreds of
    /// the largest credits fit into it.
    public static let total: UInt64 = 1 << 62
}
