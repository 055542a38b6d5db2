-- The sentence that the sender of the latest refused webhook of the hour got; and an index for the newest of all accounts.
ALTER TABLE refusals ADD COLUMN message TEXT;
CREATE INDEX refusals_newest ON refusals (last_at);
