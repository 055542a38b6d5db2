-- What the sender of the latest refused webhook of the hour was told, and the newest of all accounts for support.
ALTER TABLE refusals ADD COLUMN message TEXT;
CREATE INDEX refusals_newest ON refusals (last_at);
