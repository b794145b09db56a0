-- Credentials of organizations at providers, beside the ledger: encrypted by the gateway, which alone has the key (AES-GCM; the
-- id of the key that encrypted it stands in the ciphertext, so that keys can be replaced one after the other). A dump of the
-- database holds no credential that can be used.

SET LOCAL ROLE llmgateway_owner;

CREATE TABLE management.provider_secrets (
    provider_key  uuid  PRIMARY KEY,
    organization  uuid  NOT NULL,
    ciphertext    bytea NOT NULL CHECK (octet_length(ciphertext) BETWEEN 34 AND 16384),
    mask          text  NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX provider_secrets_organization ON management.provider_secrets (organization);

COMMENT ON TABLE management.provider_secrets IS 'The credentials of provider keys, encrypted.';
COMMENT ON COLUMN management.provider_secrets.provider_key IS 'The provider key; its credential goes when it is deleted.';
COMMENT ON COLUMN management.provider_secrets.organization IS 'Whose it is; part of what the encryption authenticates.';
COMMENT ON COLUMN management.provider_secrets.ciphertext IS 'Format 1, key id (4 bytes), nonce (12), ciphertext, tag (16).';
COMMENT ON COLUMN management.provider_secrets.mask IS 'What a person may see of it.';

GRANT SELECT, INSERT, DELETE ON management.provider_secrets TO llmgateway_service;
GRANT UPDATE (ciphertext) ON management.provider_secrets TO llmgateway_service;

RESET ROLE;
