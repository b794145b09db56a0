-- Conversations that people keep: theirs alone, beside the ledger, gone with their account.

SET LOCAL ROLE llmgateway_owner;

CREATE TABLE management.chats (
    id          uuid        PRIMARY KEY,
    user_id     uuid        NOT NULL,
    title       text        NOT NULL CHECK (octet_length(title) BETWEEN 1 AND 3200),
    model       text        NOT NULL CHECK (octet_length(model) BETWEEN 1 AND 4080),
    status      text        COLLATE "C" NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
    messages    integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX chats_user ON management.chats (user_id, status, updated_at DESC, id);

CREATE TABLE management.chat_messages (
    chat        uuid        NOT NULL REFERENCES management.chats ON DELETE CASCADE,
    sequence    integer     NOT NULL,
    id          uuid        NOT NULL,
    role        text        COLLATE "C" NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    content     text,
    images      text,
    reasoning   text,
    tools       text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT chat_messages_pkey PRIMARY KEY (chat, sequence)
);

COMMENT ON TABLE management.chats IS 'Conversations that people keep.';
COMMENT ON COLUMN management.chats.id IS 'Its id, shown as chat_...';
COMMENT ON COLUMN management.chats.user_id IS 'Whose it is; nobody else sees it.';
COMMENT ON COLUMN management.chats.title IS 'What the person calls it.';
COMMENT ON COLUMN management.chats.model IS 'The model that it is with.';
COMMENT ON COLUMN management.chats.status IS 'active or archived.';
COMMENT ON COLUMN management.chats.messages IS 'How many messages it has.';
COMMENT ON COLUMN management.chats.created_at IS 'When it was begun.';
COMMENT ON COLUMN management.chats.updated_at IS 'When it was changed last.';
COMMENT ON TABLE management.chat_messages IS 'The messages of conversations.';
COMMENT ON COLUMN management.chat_messages.chat IS 'The conversation.';
COMMENT ON COLUMN management.chat_messages.sequence IS 'Its place in it, from 1.';
COMMENT ON COLUMN management.chat_messages.id IS 'Its id, shown as msg_...';
COMMENT ON COLUMN management.chat_messages.role IS 'Who said it: user, assistant or system.';
COMMENT ON COLUMN management.chat_messages.content IS 'The text.';
COMMENT ON COLUMN management.chat_messages.images IS 'Images, as the client''s JSON.';
COMMENT ON COLUMN management.chat_messages.reasoning IS 'What the model thought, where it said so.';
COMMENT ON COLUMN management.chat_messages.tools IS 'Calls of tools, as the client''s JSON.';
COMMENT ON COLUMN management.chat_messages.created_at IS 'When it was kept.';

GRANT SELECT, INSERT, UPDATE, DELETE ON management.chats, management.chat_messages TO llmgateway_service;

RESET ROLE;
