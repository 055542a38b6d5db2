-- The tables of the views are not migrated: they are made anew, generation after generation, from the files one folder
-- up. What is kept here is which generation of each view is read, and which is being built.
--
-- Earlier the views were plain tables with migrations of their own (1 to 3). They are folded anew.
DROP TABLE IF EXISTS checkpoints, accounts, api_keys, integrations, due_deliveries, delivery_log, webhook_receipts,
    delivery_stats, delivery_stats_deliveries;

-- The generation that people read. Whoever moves a view along locks its row.
CREATE TABLE live_views (
    view           text   PRIMARY KEY,
    generation     bigint NOT NULL,
    schema_version bigint NOT NULL,
    position       bigint NOT NULL         -- of the last event that is in it
);

-- The next generation, while it is built beside the live one. Without its row a build is over.
CREATE TABLE view_builds (
    view           text   PRIMARY KEY,
    generation     bigint NOT NULL,
    schema_version bigint NOT NULL,
    position       bigint NOT NULL,
    started_at     bigint NOT NULL         -- microseconds since 1970
);
