-- How fast an agent is beside the machine that estimates are seconds of: a test
-- takes its estimate divided by this. name: the agent's; the local one's is the
-- coordinator's host.
CREATE TABLE agent (
    suite INTEGER NOT NULL REFERENCES suite ON DELETE CASCADE,
    name  TEXT NOT NULL,
    speed REAL NOT NULL,
    PRIMARY KEY (suite, name)
) STRICT, WITHOUT ROWID;
