-- The tables of the views are not migrated: they are rebuilt, generation after generation, from the files one folder up.
-- What is kept here is which generation of each view is read, and which is being built.

-- The generation that people read. What moves a view locks its row.
CREATE TABLE live_views (
    view           text   PRIMARY KEY,
    generation     bigint NOT NULL,
    schema_version bigint NOT NULL,
    position       bigint NOT NULL,        -- of the last event that is in it
    hash           bytea  NOT NULL         -- of that event: positions alone do not tell one log from another
);

-- The next generation, while it is built beside the live one. Without its row a build is over.
CREATE TABLE view_builds (
    view           text   PRIMARY KEY,
    generation     bigint NOT NULL,
    schema_version bigint NOT NULL,
    position       bigint NOT NULL,
    hash           bytea  NOT NULL,
    started_at     bigint NOT NULL         -- microseconds since 1970
);

-- One row that is written to learn whether a write works: reads go on where a disk is full.
CREATE TABLE write_probe (
    id        bigint PRIMARY KEY,
    probed_at bigint NOT NULL,             -- microseconds since 1970
    weight    bytea  NOT NULL              -- as much as some orders, so that what has room for it has room for them
);
