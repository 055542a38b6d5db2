-- The worker takes deliveries account by account, so that one account's backlog does not hold up the others.
CREATE INDEX due_deliveries_account ON due_deliveries (account_id, due_at) WHERE due_at IS NOT NULL;
