// The tables of the Postgres store, as numbered migrations. docs/postgres.md says what each is for, with queries to copy.
//
// Owns: every CREATE. Does not own what is written there (resources.ts, runs.ts, leases.ts, seats.ts).
//
// M1  a migration that was released is never edited: a change is the next one.
// M2  one process at a time migrates (an advisory lock), in one transaction; a database that a newer version has migrated is refused.

import { StoreError } from '../../kernel/errors.ts';
import type { Database, Query } from './database.ts';

const MIGRATIONS: readonly string[] = [
  `
-- One row: the newest revision. Locked by every change of an object and by nothing else, so it is never held with a run.
CREATE TABLE counter (single boolean PRIMARY KEY DEFAULT true CHECK (single), revision bigint NOT NULL DEFAULT 0);
INSERT INTO counter DEFAULT VALUES;
-- One row: the epoch of the controller, who holds its seat, and how long a holder is believed without a word.
CREATE TABLE engine (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  epoch bigint NOT NULL DEFAULT 0,
  controller_backend int,
  controller_seen timestamptz,
  lease_ms int NOT NULL DEFAULT 10000,
  margin_ms int NOT NULL DEFAULT 5000
);
INSERT INTO engine DEFAULT VALUES;

-- What people want. Documents are json, not jsonb: they come back as they were written, and may hold any text.
CREATE TABLE objects (
  kind text NOT NULL,
  name text COLLATE "C" NOT NULL,
  uid text NOT NULL,
  revision bigint NOT NULL,
  record json NOT NULL,
  PRIMARY KEY (kind, name)
);
CREATE TABLE changes (
  revision bigint PRIMARY KEY,
  verb text NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  uid text NOT NULL,
  record json
);

-- What happened.
CREATE TABLE runs (
  uid text PRIMARY KEY,
  name text NOT NULL,
  epoch bigint NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  status json,
  status_revision bigint NOT NULL DEFAULT 0,
  snapshot json,
  snapshot_seq bigint NOT NULL DEFAULT 0,
  is_ended boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE events (
  uid text NOT NULL,
  seq bigint NOT NULL,
  epoch bigint NOT NULL,
  at timestamptz NOT NULL,
  type text NOT NULL,
  event json NOT NULL,
  PRIMARY KEY (uid, seq)
);
CREATE TABLE transitions (
  uid text NOT NULL,
  seq bigint NOT NULL,
  place int NOT NULL,
  node text NOT NULL,
  from_state text,
  to_state text NOT NULL,
  attempt int NOT NULL,
  at timestamptz NOT NULL,
  note text NOT NULL,
  PRIMARY KEY (uid, seq, place)
);
CREATE VIEW task_transitions AS
  SELECT runs.name AS run, node, from_state AS "from", to_state AS "to", at, attempt, note, uid, seq
  FROM transitions JOIN runs USING (uid);
CREATE TABLE logs (
  uid text NOT NULL,
  node text NOT NULL,
  attempt int NOT NULL,
  start bigint NOT NULL,
  bytes bytea NOT NULL,
  -- Of what a task wrote: the end of these bytes in the file on its host. Null: the engine's own words.
  file_end bigint,
  PRIMARY KEY (uid, node, attempt, start)
);

-- Who does what.
CREATE TABLE leases (
  fence text COLLATE "C" PRIMARY KEY,
  worker text NOT NULL,
  offer json,
  is_withdrawn boolean NOT NULL DEFAULT false,
  claim text,
  stop text,
  grace_ms int NOT NULL DEFAULT 5000,
  outcome json,
  offered_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON leases (worker, fence);
CREATE TABLE messages (
  fence text COLLATE "C" NOT NULL,
  start bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (fence, start)
);
CREATE TABLE answers (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  worker text NOT NULL,
  fence text COLLATE "C" NOT NULL,
  bytes bytea NOT NULL
);
CREATE TABLE workers (
  name text COLLATE "C" PRIMARY KEY,
  number int GENERATED ALWAYS AS IDENTITY,
  host text NOT NULL,
  incarnation text NOT NULL,
  slots int NOT NULL,
  pid int NOT NULL,
  is_draining boolean NOT NULL DEFAULT false,
  seen timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE keys (name text COLLATE "C" PRIMARY KEY, text text NOT NULL);
CREATE TABLE endpoints (host text PRIMARY KEY, pid int NOT NULL, url text, tls_url text, since timestamptz NOT NULL DEFAULT now());

-- Adds to a log, behind what is there.
CREATE FUNCTION add_log(of_uid text, of_node text, of_attempt int, of_file_end bigint, more bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext(of_uid || of_node), of_attempt);
  INSERT INTO logs (uid, node, attempt, start, bytes, file_end)
    SELECT of_uid, of_node, of_attempt, coalesce(max(start + length(bytes)), 0), more, of_file_end
    FROM logs WHERE uid = of_uid AND node = of_node AND attempt = of_attempt;
END $$;

-- A journal goes on behind the event that its writer knows, under the epoch that opened it last; else nothing of the transaction stands.
CREATE FUNCTION continue_run(of_uid text, of_epoch bigint, from_seq bigint, to_seq bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE runs SET last_seq = to_seq WHERE uid = of_uid AND epoch = of_epoch AND last_seq = from_seq;
  IF FOUND THEN
    RETURN;
  ELSIF NOT EXISTS (SELECT FROM runs WHERE uid = of_uid) THEN
    RAISE EXCEPTION 'run %: it was removed', of_uid USING ERRCODE = 'OA404';
  END IF;
  RAISE EXCEPTION 'run %: epoch % is over, a newer controller writes', of_uid, of_epoch USING ERRCODE = 'OA410';
END $$;

-- Offers are made under the newest epoch only: the fence begins with the epoch of whoever makes them.
CREATE FUNCTION check_epoch(of_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE newest bigint;
BEGIN
  SELECT epoch INTO newest FROM engine FOR SHARE;
  IF of_epoch < newest THEN
    RAISE EXCEPTION 'epoch % is over, the controller writes under %', of_epoch, newest USING ERRCODE = 'OA410';
  END IF;
END $$;

-- Has that worker been silent for so long that nothing of it can live? It has ended its attempts by itself a margin earlier.
CREATE FUNCTION is_gone(of_worker text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT NOT EXISTS (
    SELECT FROM workers, engine
    WHERE name = of_worker AND clock_timestamp() < seen + (lease_ms + margin_ms) * interval '1 ms'
  )
$$;
`,
  `
-- What the controller counts about itself.
ALTER TABLE engine ADD COLUMN numbers json;
`,
  `
-- One event may be several steps: (seq, place) is their order.
CREATE OR REPLACE VIEW task_transitions AS
  SELECT runs.name AS run, node, from_state AS "from", to_state AS "to", at, attempt, note, uid, seq, place
  FROM transitions JOIN runs USING (uid);
`,
];

/** Makes the schema, or brings it up to date. */
export async function migrate(database: Database): Promise<void> {
  const { schema } = database;
  await database.transaction(async (query) => {
    const found = await versionOf(query, schema);
    if (found === MIGRATIONS.length) return;
    await query('SELECT pg_advisory_xact_lock(hashtext($1))', [`oarlock migration ${schema}`]);
    const version = await versionOf(query, schema);
    if (version > MIGRATIONS.length) {
      const message = `postgres schema "${schema}": written by a newer version (format ${version}, this one knows ${MIGRATIONS.length})`;
      throw new StoreError('Unavailable', 'postgres', message);
    }
    if (version === 0) {
      await query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
      await query('CREATE TABLE migrations (version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())');
    }
    for (const [index, statements] of MIGRATIONS.entries()) {
      if (index < version) continue;
      await query(statements);
      await query('INSERT INTO migrations (version) VALUES ($1)', [index + 1]);
    }
  });
}

async function versionOf(query: Query, schema: string): Promise<number> {
  const [there] = await query('SELECT to_regclass($1) IS NOT NULL AS there', [`"${schema}".migrations`]);
  if (there?.['there'] !== true) return 0;
  const [newest] = await query('SELECT coalesce(max(version), 0) AS version FROM migrations');
  return Number(newest?.['version']);
}
