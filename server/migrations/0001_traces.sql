-- Traces of runs, and the recordings of every lab's default run.
CREATE TABLE traces (
    id          TEXT    NOT NULL PRIMARY KEY,
    -- 'run': made by a reader, deleted when the caps are reached, oldest first.
    -- 'recording': the default run of a lab, one a lab, replaced when its source changes.
    kind        TEXT    NOT NULL CHECK (kind IN ('run', 'recording')),
    lab         TEXT    NOT NULL,
    -- SHA-256 of the lab's source, hexadecimal: says whether a recording is still true.
    source_hash TEXT    NOT NULL,
    -- api::trace::VERSION when it was saved.
    format      INTEGER NOT NULL,
    -- Milliseconds since the Unix epoch.
    created_ms  INTEGER NOT NULL,
    events      INTEGER NOT NULL,
    -- JSON of api::run::Outcome and api::trace::LeftOut: answers a reader who comes back late without unpacking.
    outcome     TEXT    NOT NULL,
    left_out    TEXT    NOT NULL,
    -- Length of body.
    bytes       INTEGER NOT NULL,
    -- gzip of the JSON of api::trace::Trace.
    body        BLOB    NOT NULL
) STRICT;

-- Covers the query that finds what is beyond the caps.
CREATE INDEX traces_by_age ON traces (kind, created_ms, bytes);
CREATE UNIQUE INDEX one_recording_a_lab ON traces (lab) WHERE kind = 'recording';
