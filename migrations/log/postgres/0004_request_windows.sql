-- How many requests each API key has sent in the present minute, over all nodes. On SQLite the one node knows by itself.
CREATE TABLE request_windows (
    key_id text   PRIMARY KEY,
    minute bigint NOT NULL,              -- since 1970
    used   bigint NOT NULL               -- taken by nodes, in parts
);
