-- Agents of other places that take part now: a coordinator that goes on with
-- the run waits for them. And the first slot number that no agent has had.
ALTER TABLE run ADD COLUMN agents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN slots INTEGER NOT NULL DEFAULT 0;
