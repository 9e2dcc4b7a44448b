// The engine of the crash suite on Postgres: the same processes, tasks and ledger; runs are submitted to tables and read from them.

import type { JsonObject } from '../../../kernel/json.ts';
import type { Manifest } from '../../../manifests/model.ts';
import { Database } from '../../../store/postgres/database.ts';
import { embeddedPostgres, type EmbeddedServer } from '../../../store/postgres/embedded.ts';
import { openStore } from '../../../store/open.ts';
import type { Store } from '../../../store/store.ts';
import { type Line, violationsOf } from './checks.ts';
import { Engine, until } from './engine.ts';
import type { PlannedRun } from './flows.ts';

const OVER = new Set(['Succeeded', 'Failed', 'Cancelled']);
const DEADLINE_MS = 90_000;

export class PostgresEngine {
  readonly engine: Engine;
  readonly store: Store;
  readonly #database: Database;
  #server: EmbeddedServer | null = null;

  private constructor(engine: Engine, store: Store, url: string) {
    this.engine = engine;
    this.store = store;
    this.#database = new Database(async () => (url === '' ? this.#embedded() : url), 'oarlock');
  }

  /** `url`: a server that is there; '' for an embedded one of its own. */
  static async open(url = ''): Promise<PostgresEngine> {
    const address = url === '' ? 'embedded-postgres' : url;
    const engine = new Engine(undefined, { OARLOCK_STORE: address });
    const store = await openStore(address, { stateDir: engine.state });
    return new PostgresEngine(engine, store, url);
  }

  async #embedded(): Promise<string> {
    this.#server?.release();
    this.#server = await embeddedPostgres(this.engine.state);
    return this.#server.url;
  }

  /** Leases so short that tests of lost machines are. */
  async setLease(leaseMs: number, marginMs: number): Promise<void> {
    await this.#database.read('UPDATE engine SET lease_ms = $1, margin_ms = $2', [leaseMs, marginMs]);
  }

  async submit(plan: PlannedRun): Promise<void> {
    for (;;) {
      try {
        await this.store.resources.create(JSON.parse(plan.text) as Manifest);
        return;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        // The connection went after it was done.
        if (code === 'AlreadyExists') return;
        if (code !== 'Unavailable') throw error;
      }
    }
  }

  async phase(name: string): Promise<string> {
    const status = (await this.store.resources.get('WorkflowRun', name))?.status as JsonObject | undefined;
    return typeof status?.['phase'] === 'string' ? status['phase'] : 'nothing';
  }

  async isOver(name: string): Promise<boolean> {
    return OVER.has(await this.phase(name));
  }

  async journal(name: string): Promise<Line[]> {
    const rows = await this.#database.read(
      'SELECT seq, events.epoch, event::text AS event FROM events JOIN runs USING (uid) WHERE name = $1 ORDER BY seq',
      [name],
    );
    return rows.map(({ seq, epoch, event }) => ({
      ...(JSON.parse(event as string) as Line),
      seq: Number(seq),
      epoch: Number(epoch),
    }));
  }

  async untilOver(plans: readonly PlannedRun[]): Promise<void> {
    let open = [...plans];
    await until(
      async () => {
        const still: PlannedRun[] = [];
        for (const plan of open) if (!(await this.isOver(plan.name))) still.push(plan);
        open = still;
        return open.length === 0;
      },
      () => `${open.map(({ name }) => name).join(', ')} have ended:\n${this.engine.report()}`,
      DEADLINE_MS,
    );
  }

  /** What was asked of the tables of every run that ended, on the same three witnesses. */
  async violations(plans: readonly PlannedRun[]): Promise<string[]> {
    const found: string[] = [];
    for (const plan of plans) {
      const journal = await this.journal(plan.name);
      const book = this.engine.ledger.read(plan.name);
      const wrong = violationsOf(plan, await this.phase(plan.name), journal, book);
      wrong.push(...(await this.#transitions(plan)));
      // What happened, for whoever has to understand it.
      if (wrong.length > 0) wrong.push(...[...journal, ...book].map((line) => JSON.stringify(line)));
      found.push(...wrong);
    }
    return found;
  }

  /** Every node came from nothing to its end, step by step. */
  async #transitions(plan: PlannedRun): Promise<string[]> {
    const rows = await this.#database.read(
      'SELECT node, "from", "to" FROM task_transitions WHERE run = $1 ORDER BY seq, place',
      [plan.name],
    );
    const states = new Map<string, string | null>();
    const found: string[] = [];
    for (const row of rows) {
      const [node, from, to] = [row['node'] as string, row['from'] as string | null, row['to'] as string];
      if ((states.get(node) ?? null) !== from)
        found.push(`${plan.name}: ${node} left ${from} while ${states.get(node)}`);
      states.set(node, to);
    }
    for (const { id, ends } of plan.nodes) {
      if (states.get(id) !== ends)
        found.push(`${plan.name}: the last transition of ${id} is to ${states.get(id)}, expected ${ends}`);
    }
    return found;
  }

  async close(): Promise<void> {
    await this.store.close().catch(() => undefined);
    await this.#database.close().catch(() => undefined);
    this.#server?.release();
    await this.engine.close();
  }
}
