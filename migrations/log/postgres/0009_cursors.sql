-- Which event the position is of: positions alone do not tell one log from another.
ALTER TABLE followers ADD COLUMN hash bytea NOT NULL DEFAULT '';
