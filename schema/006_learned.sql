-- Of what the list is one: a digest of the file and what it depends on, of the
-- interpreter and of pytest's options. The next run is planned by it where
-- nothing of this has changed. 0: it is no whole list.
ALTER TABLE listing ADD COLUMN subject INTEGER NOT NULL DEFAULT 0;
