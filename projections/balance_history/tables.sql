-- Amounts are nano-dollars (1e-9 USD). What an organization was credited and charged, by where in the ledger and by when it
-- happened: a balance of any moment is a sum of these rows and of the events of the last, unfinished one. What is credited is
-- numeric: a mistyped credit is in the ledger for ever, and must not stop the sums of everybody else.

CREATE TABLE blocks (
    organization uuid NOT NULL,
    block bigint NOT NULL,
    credited numeric NOT NULL,
    charged bigint NOT NULL,
    PRIMARY KEY (organization, block) INCLUDE (credited, charged)
) WITH (fillfactor = 90);

COMMENT ON TABLE blocks IS 'What each organization was credited and charged in each block of 4,096 positions of the ledger.';
COMMENT ON COLUMN blocks.organization IS 'The organization.';
COMMENT ON COLUMN blocks.block IS 'The block: positions block * 4096 + 1 to (block + 1) * 4096.';
COMMENT ON COLUMN blocks.credited IS 'Granted, topped up, adjusted and unfrozen, less refunded, expired, voided and frozen, nano-dollars.';
COMMENT ON COLUMN blocks.charged IS 'What requests were charged, nano-dollars.';

CREATE TABLE hours (
    organization uuid NOT NULL,
    hour timestamptz NOT NULL,
    credited numeric NOT NULL,
    charged bigint NOT NULL,
    PRIMARY KEY (organization, hour) INCLUDE (credited, charged)
) WITH (fillfactor = 90);

COMMENT ON TABLE hours IS 'The same by the hour in which it happened, UTC.';
COMMENT ON COLUMN hours.organization IS 'The organization.';
COMMENT ON COLUMN hours.hour IS 'When the hour begins.';
COMMENT ON COLUMN hours.credited IS 'As in blocks.';
COMMENT ON COLUMN hours.charged IS 'As in blocks.';

CREATE TABLE minutes (
    organization uuid NOT NULL,
    minute timestamptz NOT NULL,
    credited numeric NOT NULL,
    charged bigint NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    PRIMARY KEY (organization, minute)
) WITH (fillfactor = 90);

COMMENT ON TABLE minutes IS 'The same by the minute in which it happened, with where its events lie.';
COMMENT ON COLUMN minutes.organization IS 'The organization.';
COMMENT ON COLUMN minutes.minute IS 'When the minute begins.';
COMMENT ON COLUMN minutes.credited IS 'As in blocks.';
COMMENT ON COLUMN minutes.charged IS 'As in blocks.';
COMMENT ON COLUMN minutes.first_position IS 'The position of its first event in the ledger.';
COMMENT ON COLUMN minutes.last_position IS 'The position of its last event in the ledger.';
