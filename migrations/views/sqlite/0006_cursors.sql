-- Which event the position is of: positions alone do not tell one log from another.
ALTER TABLE live_views ADD COLUMN hash BLOB NOT NULL DEFAULT x'';
ALTER TABLE view_builds ADD COLUMN hash BLOB NOT NULL DEFAULT x'';
