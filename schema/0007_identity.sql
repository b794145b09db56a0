-- People, beside the ledger: what names or authenticates a person lies here in ordinary tables, can be changed, and is gone
-- when it is deleted. Events carry the ids of people and nothing else of them.
--
-- Only the gateway reads and writes them; neither projectors nor analysts see a person. Secrets are kept as what can't be
-- turned back: passwords as scrypt, tokens as SHA-256.

CREATE SCHEMA identity AUTHORIZATION llmgateway_owner;
REVOKE ALL ON SCHEMA identity FROM PUBLIC;

SET LOCAL ROLE llmgateway_owner;

CREATE TABLE identity.users (
    id                    uuid        NOT NULL,
    email                 text        NOT NULL,
    name                  text,
    email_verified        boolean     NOT NULL DEFAULT false,
    onboarding_completed  boolean     NOT NULL DEFAULT false,
    created_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_length CHECK (octet_length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_name_length CHECK (char_length(name) BETWEEN 1 AND 255)
);

-- One mailbox, one person, however it is spelled.
CREATE UNIQUE INDEX users_email ON identity.users (lower(email));

-- The parameters stand beside the hash, so that they can be raised: a hash of other parameters is made anew at the next
-- sign-in, when the password is at hand.
CREATE TABLE identity.credentials (
    user_id      uuid        NOT NULL,
    salt         bytea       NOT NULL,
    hash         bytea       NOT NULL,
    rounds       integer     NOT NULL,
    block_size   integer     NOT NULL,
    parallelism  integer     NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT credentials_pkey PRIMARY KEY (user_id),
    CONSTRAINT credentials_user FOREIGN KEY (user_id) REFERENCES identity.users ON DELETE CASCADE,
    CONSTRAINT credentials_salt_length CHECK (octet_length(salt) >= 16),
    CONSTRAINT credentials_hash_length CHECK (octet_length(hash) >= 32),
    CONSTRAINT credentials_parameters CHECK (rounds >= 2 AND block_size >= 1 AND parallelism >= 1)
);

-- A session that is revoked is deleted; one that is past its time counts for nothing and is swept later.
CREATE TABLE identity.sessions (
    id            uuid        NOT NULL,
    user_id       uuid        NOT NULL,
    token_digest  bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at    timestamptz NOT NULL,
    address       text,
    user_agent    text,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES identity.users ON DELETE CASCADE,
    CONSTRAINT sessions_token UNIQUE (token_digest),
    CONSTRAINT sessions_token_length CHECK (octet_length(token_digest) = 32)
);

CREATE INDEX sessions_of_user ON identity.sessions (user_id);
CREATE INDEX sessions_expiry ON identity.sessions (expires_at);

-- What is valid once and for a time: links in mails, challenges of passkeys, the state of a sign-in elsewhere. Using one is
-- deleting it. The kind is part of the key: a token of one purpose is nothing for another.
CREATE TABLE identity.verifications (
    kind        text        COLLATE "C" NOT NULL,
    digest      bytea       NOT NULL,
    user_id     uuid,
    details     jsonb       NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    CONSTRAINT verifications_pkey PRIMARY KEY (kind, digest),
    CONSTRAINT verifications_user FOREIGN KEY (user_id) REFERENCES identity.users ON DELETE CASCADE,
    CONSTRAINT verifications_digest_length CHECK (octet_length(digest) = 32)
);

CREATE INDEX verifications_of_user ON identity.verifications (user_id, kind);
CREATE INDEX verifications_expiry ON identity.verifications (expires_at);

CREATE TABLE identity.passkeys (
    id             uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    credential_id  bytea       NOT NULL,
    public_key     bytea       NOT NULL,
    counter        bigint      NOT NULL,
    name           text,
    transports     text[]      NOT NULL DEFAULT '{}',
    aaguid         uuid,
    user_verified  boolean     NOT NULL,
    multi_device   boolean     NOT NULL,
    backed_up      boolean     NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at   timestamptz,
    CONSTRAINT passkeys_pkey PRIMARY KEY (id),
    CONSTRAINT passkeys_user FOREIGN KEY (user_id) REFERENCES identity.users ON DELETE CASCADE,
    CONSTRAINT passkeys_credential UNIQUE (credential_id),
    CONSTRAINT passkeys_credential_length CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    CONSTRAINT passkeys_counter CHECK (counter BETWEEN 0 AND 4294967295),
    CONSTRAINT passkeys_name_length CHECK (char_length(name) BETWEEN 1 AND 255)
);

CREATE INDEX passkeys_of_user ON identity.passkeys (user_id);

-- A person as an identity provider knows them. The subject is the provider's own id of the account: an e-mail address changes
-- hands, a subject does not.
CREATE TABLE identity.accounts (
    provider    text        COLLATE "C" NOT NULL,
    subject     text        COLLATE "C" NOT NULL,
    user_id     uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT accounts_pkey PRIMARY KEY (provider, subject),
    CONSTRAINT accounts_user FOREIGN KEY (user_id) REFERENCES identity.users ON DELETE CASCADE,
    CONSTRAINT accounts_subject_length CHECK (octet_length(subject) BETWEEN 1 AND 255)
);

CREATE INDEX accounts_of_user ON identity.accounts (user_id);

-- Attempts within a window, by SHA-256 of the address or the account: enough to count, not to know whom.
CREATE TABLE identity.rate_limits (
    scope      text        COLLATE "C" NOT NULL,
    key        bytea       NOT NULL,
    attempts   integer     NOT NULL,
    resets_at  timestamptz NOT NULL,
    CONSTRAINT rate_limits_pkey PRIMARY KEY (scope, key)
);

CREATE INDEX rate_limits_expiry ON identity.rate_limits (resets_at);

GRANT USAGE ON SCHEMA identity TO llmgateway_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA identity TO llmgateway_service;

RESET ROLE;
