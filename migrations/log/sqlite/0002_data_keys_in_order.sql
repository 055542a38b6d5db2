-- Data keys in the order in which streams begin, not by their random ids: appending fresh streams fills one page after
-- the other, where each had dirtied a page of its own.
CREATE TABLE data_keys_in_order (
    stream  INTEGER PRIMARY KEY,         -- position of the stream's first event
    wrapped BLOB    NOT NULL
);
INSERT INTO data_keys_in_order (stream, wrapped)
SELECT e.position, k.wrapped
FROM data_keys k
JOIN events e ON e.aggregate_type = k.aggregate_type AND e.aggregate_id = k.aggregate_id AND e.sequence = 1
ORDER BY e.position;
DROP TABLE data_keys;
ALTER TABLE data_keys_in_order RENAME TO data_keys;
