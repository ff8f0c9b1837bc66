CREATE TABLE thread (
    name TEXT PRIMARY KEY,
    id INTEGER NOT NULL, -- its first token
    token INTEGER NOT NULL, -- of its newest lease
    leased_until_ms INTEGER, -- NULL when nobody has it
    leased_until TEXT AS (strftime('%Y-%m-%d %H:%M:%f', leased_until_ms / 1000.0, 'unixepoch')),
    fields TEXT NOT NULL DEFAULT '[]' -- the names of its fields; field.field is a place in it
) STRICT, WITHOUT ROWID;

CREATE TABLE last_token (token INTEGER NOT NULL) STRICT; -- of all leases of this file
INSERT INTO last_token VALUES (0);

CREATE TABLE checkpoint (
    thread INTEGER NOT NULL, -- thread.id
    number INTEGER NOT NULL,
    parent INTEGER, -- the checkpoint that it follows
    line INTEGER NOT NULL, -- the first checkpoint of its line
    step INTEGER NOT NULL,
    source_code INTEGER NOT NULL,
    source TEXT AS (CASE source_code
        WHEN 0 THEN 'input' WHEN 1 THEN 'superstep' WHEN 2 THEN 'update' WHEN 3 THEN 'fork' END),
    created_at_ms INTEGER NOT NULL,
    created_at TEXT AS (strftime('%Y-%m-%d %H:%M:%f', created_at_ms / 1000.0, 'unixepoch')),
    token INTEGER NOT NULL, -- of the lease under which it was written
    body TEXT NOT NULL, -- JSON
    checksum INTEGER NOT NULL,
    PRIMARY KEY (thread, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE field (
    thread INTEGER NOT NULL, -- thread.id
    field INTEGER NOT NULL, -- a place in thread.fields
    checkpoint INTEGER NOT NULL,
    previous INTEGER, -- the checkpoint with the field's record before this one
    extends INTEGER NOT NULL, -- 0: json is the value, 1: it is joined to the value before
    json TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX field_checkpoint ON field (thread, field, checkpoint);

CREATE TABLE entry (
    thread INTEGER NOT NULL, -- thread.id
    checkpoint INTEGER NOT NULL,
    task TEXT NOT NULL, -- empty for the superstep as a whole
    key TEXT NOT NULL, -- result, ask/NAME, answer/NAME, once/KEY, error; count: how many others
    json TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (thread, checkpoint, task, key)
) STRICT, WITHOUT ROWID;

-- For people: field with names.
CREATE VIEW change AS
    SELECT thread.name AS thread, field.checkpoint, name.value AS field,
        iif(field.extends, 'extend', 'value') AS kind, field.json
    FROM field JOIN thread ON thread.id = field.thread, json_each(thread.fields) AS name
    WHERE name.key = field.field
    ORDER BY thread.name, field.checkpoint, field;
