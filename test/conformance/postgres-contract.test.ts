// The contract suites on Postgres: all that memory and files are held to. OARLOCK_PG_HISTORIES sets how many random histories are tried.

import { afterAll, describe } from 'vitest';
import type { Json } from '../../kernel/json.ts';
import type { Database } from '../../store/postgres/database.ts';
import { PostgresLeases } from '../../store/postgres/leases.ts';
import { PostgresResources } from '../../store/postgres/resources.ts';
import { PostgresRuns } from '../../store/postgres/runs.ts';
import { PostgresSeats } from '../../store/postgres/seats.ts';
import { TELL } from '../../store/postgres/statements.ts';
import type { RunRef, Runs } from '../../store/store.ts';
import { PostgresServer } from '../support/postgres-place.ts';
import { describeLeases, type SpeakingTask } from '../contract/leases-contract.ts';
import { BUILTIN, describeResources } from '../contract/resources-contract.ts';
import { describeRuns } from '../contract/runs-contract.ts';
import { describeSeats } from '../contract/seats-contract.ts';

const HISTORIES = Number(process.env['OARLOCK_PG_HISTORIES'] ?? 15);

const server = new PostgresServer();
const url = await server.start();

describe.skipIf(url === null)('postgres', () => {
  afterAll(() => server.stop());

  describeResources(
    'postgres',
    async () => {
      const place = await server.place();
      const { clock, random, database, other, writers } = place;
      const builtins = new Map([[BUILTIN.metadata.name, BUILTIN]]);
      const open = (of: typeof database) => new PostgresResources({ database: of, clock, random, builtins });
      const handles = [open(database), open(other)] as const;
      return {
        handles,
        runs: new PostgresRuns(database, writers[0]),
        dispose: async () => {
          await Promise.all(handles.map((handle) => handle.close()));
          await place.dispose();
        },
      };
    },
    HISTORIES,
  );

  describeRuns(
    'postgres',
    async () => {
      const place = await server.place();
      const published: { ref: RunRef; status: Json }[] = [];
      // A process that reads sees what is recorded: the other one hands its lines over, here they are waited for.
      const open = (of: typeof place.database, writer: (typeof place.writers)[0]): Runs => {
        const runs = new PostgresRuns(of, writer);
        const load: Runs['load'] = async (...args) => {
          await place.flushed();
          return PostgresRuns.prototype.load.apply(runs, args);
        };
        const publish: Runs['publish'] = async (ref, status) => {
          await PostgresRuns.prototype.publish.call(runs, ref, status);
          published.push({ ref, status });
        };
        return Object.assign(runs, { load, publish });
      };
      const handles = [open(place.database, place.writers[0]), open(place.other, place.writers[1])] as const;
      return {
        handles,
        writeLog: (ref, node, attempt, text) => handles[0].appendLog(ref, node, attempt, Buffer.from(text)),
        published,
        refusesAtOpen: true,
        dispose: () => place.dispose(),
      };
    },
    HISTORIES,
  );

  describeLeases(
    'postgres',
    async () => {
      const place = await server.place();
      const handles = [
        new PostgresLeases(place.database, place.writers[0]),
        new PostgresLeases(place.other, place.writers[1]),
      ] as const;
      for (const database of [place.database, place.other]) {
        database.onHint('none', () => undefined);
        await database.isListening();
      }
      return {
        handles,
        bootId: place.processes.bootId(),
        task: async (worker, fence) => speakingTask(place.database, worker, fence),
        dispose: () => place.dispose(),
      };
    },
    HISTORIES,
  );

  describeSeats('postgres', async () => {
    const place = await server.place();
    const { processes, random, database, other, writers } = place;
    const [near, far] = [place.spool('near'), place.spool('far')];
    const open = (of: typeof database, writer: (typeof writers)[0], spool: typeof near) =>
      new PostgresSeats({ database: of, writer, processes, random, spool: () => spool });
    const handles = [open(database, writers[0], near), open(other, writers[1], far)] as const;
    return {
      handles,
      foreign: null,
      dispose: async () => {
        for (const seats of handles) await seats.close();
        await place.dispose();
      },
    };
  });
});

/** What the host of a task does for it (store/postgres/shipping.ts). */
function speakingTask(database: Database, worker: string, fence: string): SpeakingTask {
  let said = 0;
  return {
    speak: async (text) => {
      const bytes = Buffer.from(text);
      await database.read('INSERT INTO messages (fence, start, bytes) VALUES ($1, $2, $3)', [fence, said, bytes]);
      await database.read(TELL, [[`said ${worker}`]]);
      said += bytes.length;
    },
    read: async () => {
      const rows = await database.read('DELETE FROM answers WHERE fence = $1 RETURNING number, bytes', [fence]);
      const inOrder = [...rows].sort((a, b) => Number(a['number']) - Number(b['number']));
      return Buffer.concat(inOrder.map(({ bytes }) => bytes as Buffer)).toString();
    },
    end: () => undefined,
  };
}
