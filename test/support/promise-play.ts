// Plays a random workflow: tasks start, end, and ask for changes, as a tape says.

import { checkChange } from '../../kernel/change.ts';
import { futures } from '../../kernel/futures.ts';
import type { Futures } from '../../kernel/ghost.ts';
import type { Run } from '../../kernel/run.ts';
import type { GraphChange } from '../../kernel/task.ts';
import { type Choose, Driver } from './kernel-driver.ts';
import type { PlainChange } from './promise-oracle.ts';
import { livingCreators, randomChange, rule, specOf, tape, workflow } from './promise-world.ts';

const STEPS = 10;

/** Changes that tasks could ask for; the run hears of the first just after. */
export interface Moment {
  readonly driver: Driver;
  readonly picture: Futures;
  readonly asked: readonly Asked[];
  readonly choose: Choose;
}

export interface Asked {
  readonly change: PlainChange;
  readonly answer: 'yes' | 'no' | 'broken';
}

/** Null when the tape makes no workflow that keeps its own promises. */
export function play(numbers: readonly number[], look: (moment: Moment) => void): Driver | null {
  const choose = tape(numbers);
  // What came later into the game is chosen from the other end, so that tapes that failed once still play the same.
  const aside = tape(numbers.toReversed());
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
    const promises = aside(12) === 1 ? [rule(aside)] : [];
    if (promises.length > 0 && checkChange(driver.run, { promises }, creator.id) === null)
      driver.grow(creator.id, { promises });
    if (!driver.run.isOpenEnded) break;
    const picture = futures(driver.run);
    const asked = [choose, aside, aside, aside].map((choices) =>
      ask(driver.run, randomChange(driver.run, picture, creator.id, choices)),
    );
    look({ driver, asked, picture, choose });
    const [first] = asked;
    if (first?.answer === 'yes') driver.grow(creator.id, asChange(first.change));
    if (choose(8) === 0) endOne(driver, choose);
  }
  return driver;
}

function ask(run: Run, change: PlainChange): Asked {
  const refusal = checkChange(run, asChange(change), change.by);
  return { change, answer: refusal === null ? 'yes' : refusal.promise === undefined ? 'no' : 'broken' };
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
