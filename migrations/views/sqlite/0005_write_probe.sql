-- One row that is written to learn whether a write works: reads go on where a disk is full.
CREATE TABLE write_probe (
    id        bigint PRIMARY KEY,
    probed_at bigint NOT NULL,            -- microseconds since 1970
    weight    blob   NOT NULL             -- as much as some orders, so that what has room for it has room for them
);
