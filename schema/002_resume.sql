-- What going on with an earlier run needs (--resume, --rerun-failed).

-- checkout: a line "<digest> <path>" for each file that discovery read, in
-- order of the paths.
ALTER TABLE run ADD COLUMN checkout TEXT NOT NULL DEFAULT '';

-- 1: it is in the history already, though its run goes on.
ALTER TABLE result ADD COLUMN folded INTEGER NOT NULL DEFAULT 0;

-- What a try had to say beyond its row: the message RESULTS of the protocol
-- with one result; `amend` 1: tear-down errors that came later.
CREATE TABLE report (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    test    INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    amend   INTEGER NOT NULL,
    message TEXT NOT NULL
) STRICT;
CREATE INDEX report_of_result ON report (run, test, attempt);
CREATE INDEX report_of_test ON report (test);

-- The message RESULTS with warnings alone.
CREATE TABLE warning (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    message TEXT NOT NULL
) STRICT;
CREATE INDEX warning_of_run ON warning (run);

-- A file's list of tests as a worker sent it (the message COLLECTED without
-- reports), once for all runs that got the same.
CREATE TABLE collection (
    id      INTEGER PRIMARY KEY,
    test    INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,  -- the path
    message TEXT NOT NULL
) STRICT;
CREATE INDEX collection_of_test ON collection (test);

CREATE TABLE listing (
    run        INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    test       INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,  -- the path
    collection INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE,
    PRIMARY KEY (run, test)
) STRICT, WITHOUT ROWID;
CREATE INDEX listing_of_collection ON listing (collection);
CREATE INDEX listing_of_test ON listing (test);
