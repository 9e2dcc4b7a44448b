// A disk that is full while runs go on: nothing that was accepted is lost, and when there is room again everything goes on by itself.
//
// The state directory is a small file system of its own; where this process may not mount one, there is nothing to test.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { violations } from '../support/crash/checks.ts';
import { Engine, tick, until } from '../support/crash/engine.ts';
import { Flows, seeded } from '../support/crash/flows.ts';

const SIZE = '3m';
const ROUNDS = 3;

let mountPoint: string;
let engine: Engine;
let isMounted: boolean;
beforeEach(() => {
  mountPoint = mkdtempSync(join(tmpdir(), 'oarlock-full-'));
  isMounted =
    spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=700`, 'oarlock-test', mountPoint]).status === 0;
  engine = new Engine(join(mountPoint, 'state'));
});
afterEach(async () => {
  await engine.close();
  if (isMounted) spawnSync('umount', ['-l', mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
});

const ballast = (): string => join(mountPoint, 'ballast');

/** Takes all the room that is left, to the last byte. */
function fill(): void {
  const file = openSync(ballast(), 'a', 0o600);
  try {
    for (let length = 65_536; length >= 1; ) {
      try {
        if (writeSync(file, Buffer.alloc(length)) < length) length = Math.floor(length / 2);
      } catch {
        length = Math.floor(length / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

test('runs outlive a full disk', async ({ skip }) => {
  if (!isMounted) skip('mounting a file system is not allowed here');
  const flows = new Flows(engine.ledger, seeded(3), 0.3);
  const up = await engine.up('--workers', '2', '--slots', '2');
  const plans = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const fresh = ['diamond', 'chain', 'retrying'] as const;
    const batch = fresh.map((shape) => flows[shape](`${shape}${round}`));
    plans.push(...batch);
    for (const plan of batch) engine.submit(plan);
    // Each round it is another moment: when runs begin, in their middle, near their end.
    await tick(round * 300);
    const said = up.output.length;
    fill();
    await until(
      () => /ENOSPC|no space/i.test(up.output.slice(said)),
      () => `somebody misses room\n${engine.report()}`,
    );
    rmSync(ballast());
    await engine.untilOver(batch);
  }
  expect(plans.flatMap((plan) => violations(engine.state, engine.ledger, plan))).toEqual([]);
  expect(up.output).not.toMatch(/controller died|worker w\d died/);
  await engine.end();
  expect(engine.leftovers()).toEqual([]);
});
