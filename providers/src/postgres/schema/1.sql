CREATE SEQUENCE token;

CREATE TABLE thread (
    name text COLLATE "C" PRIMARY KEY,
    id bigint NOT NULL UNIQUE,
    token bigint NOT NULL,
    leased_until timestamptz
);
COMMENT ON COLUMN thread.id IS 'its first token';
COMMENT ON COLUMN thread.token IS 'of its newest lease';
COMMENT ON COLUMN thread.leased_until IS 'null when nobody has it';

CREATE TABLE checkpoint (
    thread bigint NOT NULL,
    number bigint NOT NULL,
    parent bigint,
    line bigint NOT NULL,
    step bigint NOT NULL,
    source text NOT NULL,
    created_at_ms bigint NOT NULL,
    token bigint NOT NULL,
    body text NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (thread, number)
);
COMMENT ON COLUMN checkpoint.thread IS 'thread.id';
COMMENT ON COLUMN checkpoint.parent IS 'the checkpoint that it follows';
COMMENT ON COLUMN checkpoint.line IS 'the first checkpoint of its line';
COMMENT ON COLUMN checkpoint.token IS 'of the lease under which it was written';

CREATE TABLE field (
    thread bigint NOT NULL,
    field text COLLATE "C" NOT NULL,
    checkpoint bigint NOT NULL,
    previous bigint,
    kind text NOT NULL,
    json text NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (thread, field, checkpoint)
);
COMMENT ON COLUMN field.previous IS 'the checkpoint with the field''s record before this one';
COMMENT ON COLUMN field.kind IS 'value, or extend: what was added';

CREATE TABLE entry (
    thread bigint NOT NULL,
    checkpoint bigint NOT NULL,
    task text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    json text NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (thread, checkpoint, task, key)
);
COMMENT ON COLUMN entry.task IS 'empty for the superstep as a whole';
COMMENT ON COLUMN entry.key IS 'result, ask/NAME, answer/NAME, once/KEY, error';

CREATE VIEW history AS
    SELECT thread.name AS thread, number, parent, step, source,
        to_timestamp(created_at_ms / 1000.0) AS created_at, body
    FROM checkpoint JOIN thread ON thread.id = checkpoint.thread
    ORDER BY thread.name, number;
COMMENT ON VIEW history IS 'for people: checkpoint with names and times';
