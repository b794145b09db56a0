-- Whoever was invited finds the invitations to their own address.

SET LOCAL ROLE llmgateway_owner;

CREATE INDEX texts_email ON management.texts (lower(body ->> 'email')) WHERE body ? 'email';

RESET ROLE;
