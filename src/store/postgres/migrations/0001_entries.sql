-- One row for each key of the seam, in the order of its bytes. `value` is what the program reads, byte for byte;
-- all columns after it are for people, and are written from key and value.
CREATE TABLE empanel_entries (
    key        text COLLATE "C" PRIMARY KEY,
    revision   bigint NOT NULL,
    value      bytea NOT NULL,
    -- The project; empty for what belongs to none.
    scope      text COLLATE "C" NOT NULL,
    -- 'r' a record, 'l' a link to one.
    section    text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    -- The record's key, also of the record that a link leads to.
    id         text COLLATE "C" NOT NULL,
    -- Of links: the name of the index and the value under which the record is found.
    link_name  text COLLATE "C",
    link_value text COLLATE "C",
    -- Of records up to 1 MiB: the record, without its envelope.
    record     jsonb
);

CREATE INDEX empanel_entries_by_kind ON empanel_entries (kind, scope, section, link_name, link_value);

-- Numbers of commits. A group of commits takes one, and has the 256 numbers from there for its members.
CREATE SEQUENCE empanel_revision INCREMENT BY 256 START WITH 256;

-- What each writer of each process has committed last: how a commit whose answer was lost is found out.
CREATE TABLE empanel_writers (
    id       bigint PRIMARY KEY,
    revision bigint NOT NULL,
    used     timestamptz NOT NULL DEFAULT now()
);
