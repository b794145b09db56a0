CREATE INDEX transactions_organization ON transactions (organization, position);
CREATE INDEX transactions_referrals ON transactions (organization) INCLUDE (credit_amount)
    WHERE type = 'credit_gift' AND description = 'referral';
