ALTER TABLE postings ADD CONSTRAINT postings_pkey PRIMARY KEY (position, line);
CREATE INDEX postings_organization ON postings (organization, account, position);
