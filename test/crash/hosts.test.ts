// The engine on several machines over one Postgres: links are cut for shorter and longer than a worker's lease, a machine with the leader is
// cut off, machines fail and come back. The same ledger as in the crash suite says whether anything was lost or ran twice at a time.

import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Host, Network, whyNoNamespaces } from '../support/crash/hosts.ts';
import { tick, until } from '../support/crash/engine.ts';
import { Flows, type PlannedRun, seeded } from '../support/crash/flows.ts';
import { PostgresEngine } from '../support/crash/postgres-engine.ts';

const SEED = Number(process.env['OARLOCK_CRASH_SEED'] ?? Date.now() % 1_000_000);
const LEASE_MS = 2_000;
const MARGIN_MS = 2_000;
const ACTIVE = 4;

const problem = whyNoNamespaces();
if (problem !== null) process.stdout.write(`${problem}\n`);

describe.skipIf(problem !== null)('several hosts', () => {
  let place: PostgresEngine | null = null;
  let network: Network | null = null;
  afterEach(async () => {
    await network?.close();
    await place?.close();
  });

  test('cut links and dead machines lose nothing and double nothing', { timeout: 280_000 }, async () => {
    process.stdout.write(`seed: OARLOCK_CRASH_SEED=${SEED}\n`);
    const engine = await PostgresEngine.open();
    place = engine;
    await engine.setLease(LEASE_MS, MARGIN_MS);
    const net = new Network();
    network = net;
    await net.open(join(engine.engine.state, 'postgres', '.s.PGSQL.5432'));
    const one = net.host(engine.engine.directory);
    const two = net.host(engine.engine.directory);
    const three = net.host(engine.engine.directory);
    const serve = (host: Host, number: number): void => {
      host.start('worker', '--name', `m${number}`, '--slots', '2');
      if (number < 3) host.start('controller');
    };
    serve(one, 1);
    await engineServes(engine);
    serve(two, 2);
    serve(three, 3);
    three.start('api', '--port', '0');

    const flows = new Flows(engine.engine.ledger, seeded(SEED), 0.5);
    const plans: PlannedRun[] = [];
    let isFeeding = true;
    const feed = async (): Promise<void> => {
      let active: PlannedRun[] = [];
      while (isFeeding) {
        const still: PlannedRun[] = [];
        for (const plan of active) if (!(await engine.isOver(plan.name))) still.push(plan);
        active = still;
        while (active.length < ACTIVE) {
          const plan = flows.any(`r${String(plans.length + 1).padStart(4, '0')}`);
          plans.push(plan);
          active.push(plan);
          await engine.submit(plan);
        }
        await tick(100);
      }
    };
    const feeding = feed();
    const told: string[] = [];
    const during = async (what: string, host: Host, ms: number): Promise<void> => {
      host.cut();
      await tick(ms);
      host.mend();
      told.push(`${what} ${ms} ms`);
      await tick(1_500);
    };
    const longer = async (name: string): Promise<void> => {
      const plan = flows.wide(name, 3, (LEASE_MS + MARGIN_MS + 2_000) / 1_000);
      plans.push(plan);
      await engine.submit(plan);
      await until(
        () => engine.engine.ledger.read(name).length >= 3,
        () => `tasks of ${name} run`,
      );
    };
    await tick(1_500);
    await during('a worker cut off for', two, 1_000);
    // On all machines, longer than lease and margin: those of a machine that is cut off must be over before they begin elsewhere.
    await longer('long1');
    await during('a worker cut off for', three, LEASE_MS + MARGIN_MS + 2_000);
    await longer('long2');
    // Longer than a leader's lease, too, which is 5 s.
    await during('the leader cut off for', one, LEASE_MS + MARGIN_MS + 5_000);
    await two.fail();
    await tick(LEASE_MS + MARGIN_MS + 1_000);
    serve(two, 2);
    await tick(1_500);
    await one.fail();
    await tick(2_000);
    serve(one, 1);
    told.push('two machines dead and back');
    isFeeding = false;
    await feeding;
    await engine.untilOver(plans);
    const entries = plans.flatMap(({ name }) => engine.engine.ledger.read(name));
    const starts = entries.filter(({ word }) => word === 'start').length;
    const journals = await Promise.all(plans.map(({ name }) => engine.journal(name)));
    const lost = journals.flat().filter(({ outcome }) => outcome?.result === 'Lost').length;
    process.stdout.write(`${told.join(', ')}; ${plans.length} runs, ${starts} attempts, ${lost} lost\n`);
    expect(await engine.violations(plans)).toEqual([]);
  });
});

async function engineServes(engine: PostgresEngine): Promise<void> {
  await until(
    () => engine.store.seats.isControllerAlive(),
    () => 'a controller serves',
  );
}
