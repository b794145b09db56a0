-- One index for uniqueness and for the books of an organization: each further one would cost more than the row. BRIN finds the
-- entry of a position, because they lie in the ledger's order.
ALTER TABLE entries ADD CONSTRAINT entries_pkey PRIMARY KEY (organization, position);
CREATE INDEX entries_position ON entries USING brin (position) WITH (pages_per_range = 16, autosummarize = on);
