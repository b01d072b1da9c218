-- 1: plugins or conftest files of the last run that could tell want xdist's
-- controller beside the workers: the next one starts it at once.
ALTER TABLE suite ADD COLUMN hooks INTEGER NOT NULL DEFAULT 0;
