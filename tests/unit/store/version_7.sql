-- A file of version 7: that of version 6, migrated.
BEGIN TRANSACTION;
CREATE TABLE agent (
    suite INTEGER NOT NULL REFERENCES suite ON DELETE CASCADE,
    name  TEXT NOT NULL,
    speed REAL NOT NULL,
    PRIMARY KEY (suite, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "agent" VALUES(1,'host',0.9);
CREATE TABLE collection (
    id      INTEGER PRIMARY KEY,
    test    INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,  -- the path
    message TEXT NOT NULL
) STRICT;
INSERT INTO "collection" VALUES(1,1,'{"file":"test_a.py"}');
CREATE TABLE cost (
    run     INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    test    INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    seconds REAL NOT NULL
) STRICT;
INSERT INTO "cost" VALUES(1,1,0.019897298);
INSERT INTO "cost" VALUES(2,1,0.014657624);
CREATE TABLE listing (
    run        INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    test       INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,  -- the path
    collection INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE, subject INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, test)
) STRICT, WITHOUT ROWID;
INSERT INTO "listing" VALUES(2,1,1,0);
CREATE TABLE outcome (
    test    INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    run     INTEGER NOT NULL,  -- rises with time; the run itself may be gone
    outcome INTEGER NOT NULL,
    flaky   INTEGER NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (test, run)
) STRICT, WITHOUT ROWID;
INSERT INTO "outcome" VALUES(2,1,0,0,6.36000000000000063546e-04);
INSERT INTO "outcome" VALUES(2,2,0,0,3.81000000000000045227e-04);
INSERT INTO "outcome" VALUES(3,1,4,0,7.6e-05);
INSERT INTO "outcome" VALUES(3,2,0,0,2.6000000000000001788e-05);
INSERT INTO "outcome" VALUES(4,1,0,0,0.000673);
INSERT INTO "outcome" VALUES(4,2,0,0,6.51000000000000102889e-04);
INSERT INTO "outcome" VALUES(5,1,0,0,2.78000000000000035277e-04);
INSERT INTO "outcome" VALUES(5,2,0,0,0.00029);
CREATE TABLE report (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    test    INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    amend   INTEGER NOT NULL,
    message TEXT NOT NULL
) STRICT;
INSERT INTO "report" VALUES(1,1,3,1,0,'{"seq":"0","results":[]}');
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
    pid      INTEGER NOT NULL, folded INTEGER NOT NULL DEFAULT 0, shared REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (run, test, attempt)
) STRICT, WITHOUT ROWID;
INSERT INTO "result" VALUES(1,2,1,0,0,1,0.000447,1.0e-06,0.000188,1.79556249335898900033e+09,'local',0,965,0,0.25);
INSERT INTO "result" VALUES(1,3,1,0,4,1,7.0e-06,4.5e-05,2.4e-05,1.79556249336402797694e+09,'local',0,965,0,0.25);
INSERT INTO "result" VALUES(1,4,1,0,0,1,0.0005,1.0e-06,0.000172,1.79556249344293403624e+09,'local',0,965,0,0.25);
INSERT INTO "result" VALUES(1,5,1,0,0,1,0.000182,1.0e-06,9.5e-05,1.79556249344390511518e+09,'local',0,965,0,0.25);
INSERT INTO "result" VALUES(2,2,1,0,0,1,0.000265,1.0e-06,0.000115,1.79556249669096589091e+09,'local',0,1067,0,0.25);
INSERT INTO "result" VALUES(2,3,1,0,0,1,8.0e-06,1.0e-06,1.7e-05,1.79556249669924807552e+09,'local',0,1067,0,0.25);
INSERT INTO "result" VALUES(2,4,1,0,0,1,0.000518,1.0e-06,0.000132,1.79556249669953107831e+09,'local',0,1067,0,0.25);
INSERT INTO "result" VALUES(2,5,1,0,0,1,0.00019,1.0e-06,9.9e-05,1.79556249670045399661e+09,'local',0,1067,0,0.25);
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
, checkout TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "run" VALUES(1,1,'run-1',1.79556249099464511871e+09,1.79556249397555208208e+09,1,'host',1,'[]',1,'00000000000000aa test_a.py
');
INSERT INTO "run" VALUES(2,1,'run-2',1.7955624941141147613e+09,1.79556249729119253152e+09,0,'host',1,'[]',1,'00000000000000aa test_a.py
');
CREATE TABLE suite (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE  -- the project: repository and path inside it
, hooks INTEGER NOT NULL DEFAULT 0, start REAL NOT NULL DEFAULT 0) STRICT;
INSERT INTO "suite" VALUES(1,'project',0,0.0);
CREATE TABLE test (
    id      INTEGER PRIMARY KEY,
    suite   INTEGER NOT NULL REFERENCES suite ON DELETE CASCADE,
    node_id TEXT NOT NULL,
    UNIQUE (suite, node_id)
) STRICT;
INSERT INTO "test" VALUES(1,1,'test_a.py');
INSERT INTO "test" VALUES(2,1,'test_a.py::test_good');
INSERT INTO "test" VALUES(3,1,'test_a.py::test_bad');
INSERT INTO "test" VALUES(4,1,'test_a.py::test_named[a''b]');
INSERT INTO "test" VALUES(5,1,'test_a.py::test_named[\xfc]');
INSERT INTO "test" VALUES(6,1,'test_b.py::test_x');
CREATE TABLE timing (
    test     INTEGER NOT NULL REFERENCES test ON DELETE CASCADE,
    part     INTEGER NOT NULL CHECK (part BETWEEN 0 AND 3),
    estimate REAL NOT NULL,
    samples  BLOB NOT NULL,
    PRIMARY KEY (test, part)
) STRICT, WITHOUT ROWID;
INSERT INTO "timing" VALUES(1,3,1.465762406587600708e-02,X'A9FFA23C8826703C');
INSERT INTO "timing" VALUES(2,0,9.99999997475242707878e-07,X'BD378635BD378635');
INSERT INTO "timing" VALUES(3,0,9.99999997475242707878e-07,X'BD378635');
INSERT INTO "timing" VALUES(4,0,9.99999997475242707878e-07,X'BD378635BD378635');
INSERT INTO "timing" VALUES(4,1,5.17999986186623573303e-04,X'6F12033A64CA073A');
INSERT INTO "timing" VALUES(5,0,9.99999997475242707878e-07,X'BD378635BD378635');
INSERT INTO "timing" VALUES(6,0,2.5,X'00002040');
CREATE TABLE warning (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    message TEXT NOT NULL
) STRICT;
INSERT INTO "warning" VALUES(1,2,'{"seq":"0","warnings":[]}');
CREATE INDEX run_of_suite ON run (suite, id);
CREATE INDEX result_of_test ON result (test);
CREATE INDEX cost_of_run ON cost (run);
CREATE INDEX report_of_result ON report (run, test, attempt);
CREATE INDEX report_of_test ON report (test);
CREATE INDEX warning_of_run ON warning (run);
CREATE INDEX collection_of_test ON collection (test);
CREATE INDEX listing_of_collection ON listing (collection);
CREATE INDEX listing_of_test ON listing (test);
COMMIT;
PRAGMA application_id = 1179866161;
PRAGMA user_version = 7;
