// What the rows of task_transitions are made of: every node from nothing to where it stands, step by step.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Transitions } from '../../../controller/transitions.ts';
import type { Run } from '../../../kernel/run.ts';
import type { TaskTransition } from '../../../store/store.ts';
import { COMMAND, registration } from '../../support/graph-text.ts';
import { Driver, failure, type Watch } from '../../support/kernel-driver.ts';
import { play, worlds } from '../../support/kernel-world.ts';

/** Tells what happens to a run, from its first event on. */
class Book {
  readonly steps: TaskTransition[] = [];
  #teller: Transitions | null = null;

  readonly watch: Watch = (run) => {
    const teller = this.#tellerOf(run);
    return () => teller.folded(0, { type: 'Resumed', at: 0, time: 0 });
  };

  #tellerOf(run: Run): Transitions {
    if (this.#teller !== null) return this.#teller;
    this.#teller = new Transitions(run);
    this.#teller.folded(0, { type: 'Registered', at: 0, time: 0, registration: run.registration });
    return this.#teller;
  }

  /** Where each node stands, by the steps alone; throws at a step that does not begin where the one before ended. */
  states(): Map<string, string> {
    this.steps.push(...(this.#teller?.take() ?? []));
    const states = new Map<string, string>();
    for (const { node, from, to } of this.steps) {
      expect(`${node} left ${from}`).toBe(`${node} left ${states.get(node) ?? null}`);
      if (to === 'WITHDRAWN') states.delete(node);
      else states.set(node, to);
    }
    return states;
  }
}

function statesOf(run: Run): Map<string, string> {
  return new Map(Array.from(run.nodes.values(), ({ id, state }) => [id, state]));
}

describe('the steps of tasks', () => {
  test('lead to where every node stands, whatever happens to the run', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const book = new Book();
        const { run, journal } = play(world, book.watch);
        if (journal.length > 1) expect(book.states()).toEqual(statesOf(run));
      }),
      { numRuns: 300 },
    );
  });

  test('have the times at which a slot began and ended, and its worker, also when both are seen at once', () => {
    const driver = new Driver(registration({ nodes: [{ id: 'a', task: { executor: COMMAND } }] }));
    const teller = new Transitions(driver.run);
    driver.offer();
    const [at, since, until] = [driver.wall + 900, driver.wall + 100, driver.wall + 700];
    const event = {
      type: 'Ended' as const,
      node: 'a',
      fence: driver.fenceOf('a'),
      outcome: failure(),
      slot: 's1',
      since,
      until,
    };
    driver.take(event);
    teller.folded(0, { ...event, at, time: 0 });
    expect(teller.take()).toMatchObject([
      { from: 'PENDING', to: 'RUNNING', at: since, note: 'worker w1' },
      { from: 'RUNNING', to: 'FAILED', at: until, note: 'TaskFailed: exit code 1' },
    ]);
  });

  test('tell of what undoes a task', () => {
    const book = new Book();
    const nodes = [
      { id: 'a', task: { executor: COMMAND, compensate: { executor: COMMAND } } },
      { id: 'b', task: { executor: COMMAND }, dependencies: ['a'] },
    ];
    const driver = new Driver(registration({ nodes }), book.watch);
    driver.finish(({ id }) => (id === 'b' ? failure() : { result: 'Success' }));
    expect(book.states()).toEqual(new Map(Object.entries({ a: 'SUCCESS', b: 'FAILED', 'compensate/a': 'SUCCESS' })));
  });

  test('tell of what a restart takes away, and of what comes again under its name', () => {
    const book = new Book();
    const driver = new Driver(registration({ nodes: [{ id: 'a', task: { executor: COMMAND } }] }), book.watch);
    const grow = (): void => {
      driver.offer();
      driver.claim('a');
      driver.grow('a', { nodes: [{ id: 'b', task: { executor: COMMAND } }] });
    };
    grow();
    driver.finish().take({ type: 'RestartRequested', node: 'a', nonce: '1' }).settle();
    expect(book.states()).toEqual(new Map([['a', 'PENDING']]));
    grow();
    driver.finish();
    expect(book.states()).toEqual(new Map(Object.entries({ a: 'SUCCESS', b: 'SUCCESS' })));
    expect(book.steps.filter(({ node }) => node === 'b').map(({ to }) => to)).toContain('WITHDRAWN');
  });
});
