-- Keys of the log as a whole, each sealed by the master key in the form of data keys. They cannot be rebuilt.
CREATE TABLE sealed_keys (
    name    TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
);
