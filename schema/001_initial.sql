-- The history and journal of one or more suites. Times are seconds of the
-- machine that measured them unless a comment says otherwise; "Unix time" is
-- seconds since 1970 with fractions.

CREATE TABLE suite (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE  -- the project: repository and path inside it
) STRICT;

-- Interned names: a node id, or the path of a file or directory. A function id
-- is its node id up to the last part's "[", so it has no column of its own.
CREATE TABLE test (
    id      INTEGER PRIMARY KEY,
    suite   INTEGER NOT NULL REFERENCES suite ON DELETE CASCADE,
    node_id TEXT NOT NULL,
    UNIQUE (suite, node_id)
) STRICT;

-- part: 0 call, 1 set-up, 2 tear-down of a test; 3 opening a file. samples: the
-- last ones, oldest first, as f32, little-endian.
CREATE TABLE timing (
    test     INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    part     INTEGER NOT NULL CHECK (part BETWEEN 0 AND 3),
    estimate REAL NOT NULL,
    samples  BLOB NOT NULL,
    PRIMARY KEY (test, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    suite       INTEGER NOT NULL REFERENCES suite ON DELETE CASCADE,
    name        TEXT NOT NULL UNIQUE,  -- FASTEST_RUN_ID
    started     REAL NOT NULL,         -- Unix time
    ended       REAL,                  -- NULL: it was interrupted, or goes on
    exit_code   INTEGER,
    host        TEXT NOT NULL,         -- where its coordinator runs, and
    pid         INTEGER NOT NULL,      -- as which process
    arguments   TEXT NOT NULL,         -- JSON: the selection, as asked for
    folded      INTEGER NOT NULL DEFAULT 0  -- its results are in the history
) STRICT;
CREATE INDEX run_of_suite ON run (suite, id);

-- The journal: one row a try of a test. kind and outcome: enum
-- fst_attempt_kind and fst_outcome.
CREATE TABLE result (
    run      INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    test     INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    attempt  INTEGER NOT NULL,  -- 1 …
    kind     INTEGER NOT NULL,  -- why it was made
    outcome  INTEGER NOT NULL,
    verdict  INTEGER NOT NULL DEFAULT 0,  -- 1: the one that counts
    setup    REAL NOT NULL,
    call     REAL NOT NULL,
    teardown REAL NOT NULL,
    start    REAL NOT NULL,     -- Unix time; 0: did not start
    agent    TEXT NOT NULL,
    slot     INTEGER NOT NULL,
    pid      INTEGER NOT NULL,
    PRIMARY KEY (run, test, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX result_of_test ON result (test);

-- What opening a file took, each time.
CREATE TABLE cost (
    run     INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    test    INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    seconds REAL NOT NULL
) STRICT;
CREATE INDEX cost_of_run ON cost (run);

-- The last outcomes of each test, one a finished run; `flaky` passed on a
-- later try.
CREATE TABLE outcome (
    test    INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    run     INTEGER NOT NULL,  -- rises with time; the run itself may be gone
    outcome INTEGER NOT NULL,
    flaky   INTEGER NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (test, run)
) STRICT, WITHOUT ROWID;
