-- What support staff see: the lists of all accounts together.
CREATE INDEX delivery_log_all ON delivery_log (listed_at);
CREATE INDEX delivery_log_all_status ON delivery_log (status, listed_at);
CREATE INDEX delivery_log_all_code ON delivery_log (resolution_code, listed_at) WHERE resolution_code IS NOT NULL;
