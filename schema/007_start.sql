-- Seconds from a worker's start until it takes leases, of the first ones of the
-- last runs; 0: not known.
ALTER TABLE suite ADD COLUMN start REAL NOT NULL DEFAULT 0;
