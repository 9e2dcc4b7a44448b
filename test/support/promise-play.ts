// Plays a random workflow: tasks start, end, and ask for changes, as a tape says.

import { checkChange } from '../../kernel/change.ts';
import { futures } from '../../kernel/futures.ts';
import type { Futures } from '../../kernel/ghost.ts';
import type { GraphChange } from '../../kernel/task.ts';
import { type Choose, Driver } from './kernel-driver.ts';
import type { PlainChange } from './promise-oracle.ts';
import { livingCreators, randomChange, rule, specOf, tape, workflow } from './promise-world.ts';

const STEPS = 10;

/** A change that a task asks for, just before the run hears of it. */
export interface Moment {
  readonly driver: Driver;
  readonly change: PlainChange;
  readonly picture: Futures;
  readonly answer: 'yes' | 'no' | 'broken';
  readonly choose: Choose;
}

/** Null when the tape makes no workflow that keeps its own promises. */
export function play(numbers: readonly number[], look: (moment: Moment) => void): Driver | null {
  const choose = tape(numbers);
  const registration = workflow(choose);
  if (registration === null) return null;
  const driver = new Driver(registration).settle();
  for (let step = 0; step < STEPS && driver.run.isOpenEnded; step += 1) {
    if (choose(4) === 0) driver.offer();
    const creators = livingCreators(driver.run);
    const creator = creators[choose(Math.max(1, creators.length))];
    if (creator === undefined) {
      if (driver.offer() === null && driver.run.leases.size > 0) endOne(driver, choose);
      continue;
    }
    const promises = choose(12) === 0 ? [rule(choose)] : [];
    if (promises.length > 0 && checkChange(driver.run, { promises }, creator.id) === null)
      driver.grow(creator.id, { promises });
    if (!driver.run.isOpenEnded) break;
    const picture = futures(driver.run);
    const change = randomChange(driver.run, picture, creator.id, choose);
    const asked = asChange(change);
    const refusal = checkChange(driver.run, asked, change.by);
    const answer = refusal === null ? 'yes' : refusal.promise === undefined ? 'no' : 'broken';
    look({ driver, change, picture, answer, choose });
    if (refusal === null) driver.grow(change.by, asked);
    if (choose(8) === 0) endOne(driver, choose);
  }
  return driver;
}

function endOne(driver: Driver, choose: Choose): void {
  const leased = [...driver.run.leases.values()];
  const node = leased[choose(Math.max(1, leased.length))];
  if (node !== undefined) driver.end(node);
}

function asChange({ nodes, edges }: PlainChange): GraphChange {
  return {
    nodes: nodes.map(({ id, task, dependencies }) => ({ id, task: specOf(task), dependencies })),
    edges: edges.map(([from, to]) => ({ from, to })),
  };
}
