-- Seconds of set-up, call and tear-down in which fixtures were set up that
-- further tests share: the file's cost, not this test's.
ALTER TABLE result ADD COLUMN shared REAL NOT NULL DEFAULT 0;
