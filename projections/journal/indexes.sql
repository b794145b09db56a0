-- One index for uniqueness, for the books of an organization and for an account of it: each further one would cost more than
-- the row. BRIN finds the postings of a position, because they lie in the ledger's order.
ALTER TABLE postings ADD CONSTRAINT postings_pkey PRIMARY KEY (organization, position, line);
CREATE INDEX postings_position ON postings USING brin (position) WITH (pages_per_range = 16, autosummarize = on);
