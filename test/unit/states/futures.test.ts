// What can still happen to a state machine: said before each step, and held against what the continuation then does.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apply, newRun } from '../../../kernel/apply.ts';
import type { Futures } from '../../../kernel/ghost.ts';
import type { JsonObject } from '../../../kernel/json.ts';
import type { Run } from '../../../kernel/run.ts';
import type { GraphChange, Outcome } from '../../../kernel/task.ts';
import { machineFutures } from '../../../manifests/states/futures.ts';
import { type Visit, visitOf } from '../../../manifests/states/visit.ts';
import { type MachineRun, type MachineToRun, runMachine } from '../../support/state-machine-run.ts';

// --- by example ----------------------------------------------------------------------------------

const order: JsonObject = {
  StartAt: 'check',
  States: {
    check: { Type: 'Task', Resource: 'check', Next: 'stock', Catch: [{ ErrorEquals: ['Bad'], Next: 'refuse' }] },
    stock: { Type: 'Choice', Choices: [{ Variable: '$.there', BooleanEquals: true, Next: 'pay' }], Default: 'wait' },
    wait: { Type: 'Wait', Seconds: 1, Next: 'check' },
    pay: { Type: 'Task', Resource: 'pay', Next: 'tell' },
    tell: { Type: 'Task', Resource: 'tell', End: true },
    refuse: { Type: 'Fail', Error: 'Refused' },
  },
};

const ok = (output: JsonObject): Outcome => ({ result: 'Success', output });

function playedTo(count: number, { events }: MachineRun): Run {
  const [first, ...rest] = events;
  if (first?.type !== 'Registered') throw new Error('expected a registration');
  const run = newRun(first);
  for (const event of rest.slice(0, count)) apply(run, event);
  return run;
}

/** `pay 0..1 next`, a line a ghost. */
function lines({ ghosts }: Futures): string[] {
  return ghosts.map(
    ({ id, kind, atLeast, atMost, isImpossible }) =>
      `${id} ${isImpossible === true ? 'impossible' : `${atLeast}..${atMost ?? ''} ${kind}`}`,
  );
}

describe('of an order', () => {
  const functions = { check: () => ok({ there: true }), pay: () => ok({}), tell: () => ok({}) };

  test('before the start all of the machine may come, the loop any number of times, what nothing leads around for certain', async () => {
    const played = await runMachine({ definition: order, input: {}, functions });
    const futures = machineFutures(playedTo(0, played));
    expect(lines(futures)).toEqual([
      'stock 1.. next',
      'refuse 0..1 next',
      'pay 1..1 oneOf',
      'wait 0.. oneOf',
      'tell 1..1 next',
      'check (again) 0.. next',
    ]);
    expect(futures.edges.map(({ from, to }) => `${from} -> ${to}`)).toContain('wait -> check (again)');
  });

  test('after a Choice the way that was not taken is impossible, and so is what only it led to', async () => {
    const played = await runMachine({ definition: order, input: {}, functions });
    const at = played.events.findIndex((event) => event.type === 'InlineEnded' && event.node === 'stock');
    expect(lines(machineFutures(playedTo(at, played)))).toEqual([
      'tell 1..1 next',
      'refuse impossible',
      'wait impossible',
    ]);
    expect(lines(machineFutures(played.run))).toEqual(['refuse impossible', 'wait impossible']);
  });
});

test('items that are still to begin are counted, and those of a Map that has not begun have no bound', async () => {
  const definition: JsonObject = {
    StartAt: 'each',
    States: {
      each: {
        Type: 'Map',
        MaxConcurrency: 2,
        End: true,
        ItemProcessor: { StartAt: 'one', States: { one: { Type: 'Task', Resource: 'one', End: true } } },
      },
    },
  };
  const played = await runMachine({ definition, input: [1, 2, 3, 4, 5], functions: { one: () => ok({}) } });
  expect(lines(machineFutures(playedTo(0, played)))).toEqual(['each/join 1..1 next', 'each/*/one 0.. many']);
  expect(lines(machineFutures(playedTo(1, played)))).toEqual(['each/*/one 3..3 many']);
});

test('a Parallel shows its branches and where they come together', async () => {
  const branch = (name: string): JsonObject => ({ StartAt: name, States: { [name]: { Type: 'Pass', End: true } } });
  const definition: JsonObject = {
    StartAt: 'both',
    States: {
      both: { Type: 'Parallel', Branches: [branch('left'), branch('right')], Next: 'done' },
      done: { Type: 'Succeed' },
    },
  };
  const played = await runMachine({ definition, input: {} });
  expect(lines(machineFutures(playedTo(0, played)))).toEqual([
    'both/join 1..1 next',
    'done 1..1 next',
    'both/*/left 1..1 next',
    'both/*/right 1..1 next',
  ]);
});

test('what would have followed a Parallel that failed is impossible, and hangs together with it', async () => {
  const definition: JsonObject = {
    StartAt: 'both',
    States: {
      both: {
        Type: 'Parallel',
        Branches: [{ StartAt: 'in', States: { in: { Type: 'Fail', Error: 'No' } } }],
        Next: 'after',
      },
      after: { Type: 'Succeed' },
    },
  };
  const { run } = await runMachine({ definition, input: {} });
  const { edges } = machineFutures(run);
  expect(lines(machineFutures(run))).toEqual(['after impossible']);
  expect(edges).toMatchObject([{ from: 'both/join', to: 'after' }]);
  const early = { ...definition, States: { ...(definition['States'] as JsonObject) } };
  early.States['both'] = { ...(early.States['both'] as JsonObject), Parameters: { 'x.$': '$.none' } };
  const broken = machineFutures((await runMachine({ definition: early, input: {} })).run);
  expect(broken.edges).toMatchObject([{ from: 'both', to: 'after' }]);
});

// --- held against what happens -------------------------------------------------------------------

/** The id of the ghost that admits a node that is not there yet, or the node's own when it is. */
function imageOf(before: Run, after: Run, id: string): string {
  if (before.nodes.has(id)) return id;
  const visit = visitOf(after.nodes.get(id)) as Visit;
  const { place } = visit;
  let prefix = '';
  if (place !== undefined) {
    const split = visitOf(after.nodes.get(place.join))?.join?.split ?? '';
    prefix = `${before.nodes.has(place.join) ? split : imageOf(before, after, split)}/*/`;
  }
  const free = (wanted: string): string => (before.nodes.has(wanted) ? free(`${wanted} (again)`) : wanted);
  const half = visit.join !== undefined ? '/join' : id.endsWith('/callback') ? '/callback' : '';
  return free(`${prefix}${visit.state}${half}`);
}

function checkChange(before: Run, after: Run, change: GraphChange, futures: Futures): void {
  const ghosts = new Map(futures.ghosts.map((ghost) => [ghost.id, ghost]));
  const edges = new Set(futures.edges.map(({ from, to }) => `${from} -> ${to}`));
  const image = (id: string): string => imageOf(before, after, id);
  const links = [
    ...(change.nodes ?? []).flatMap(({ id, dependencies }) => (dependencies ?? []).map((from) => ({ from, to: id }))),
    ...(change.edges ?? []),
  ];
  for (const { id } of change.nodes ?? []) {
    expect(ghosts.has(image(id)), `a ghost for ${id}, which would be ${image(id)}`).toBe(true);
    expect(ghosts.get(image(id))?.isImpossible, `${id} is possible`).toBe(undefined);
  }
  for (const { from, to } of links)
    expect(edges.has(`${image(from)} -> ${image(to)}`), `an edge for ${from} -> ${to}`).toBe(true);
}

/** Every step of a run against the picture just before it; every picture against all that came after it. */
function checkRun({ events, run: ended }: MachineRun): void {
  const [first, ...rest] = events;
  if (first?.type !== 'Registered') throw new Error('expected a registration');
  const run = newRun(first);
  const isClean = ended.counts.FAILED === 0 && ended.end !== null;
  for (const event of rest) {
    const futures = machineFutures(run);
    const before = { nodes: new Map(run.nodes) } as Run;
    const counts = new Map<string, number>();
    for (const id of ended.nodes.keys()) {
      if (!run.nodes.has(id)) counts.set(imageOf(before, ended, id), (counts.get(imageOf(before, ended, id)) ?? 0) + 1);
    }
    for (const { id, atLeast, atMost } of futures.ghosts) {
      const came = counts.get(id) ?? 0;
      if (came > (atMost ?? came)) expect.fail(`${id} came ${came} times, ${atMost} at most were said`);
      if (isClean && came < atLeast) expect.fail(`${id} came ${came} times, ${atLeast} at least were said`);
    }
    expect(new Set([...futures.ghosts.map(({ id }) => id), ...run.nodes.keys()]).size).toBe(
      futures.ghosts.length + run.nodes.size,
    );
    const change = 'effect' in event ? event.effect?.change : undefined;
    apply(run, event);
    if (change !== undefined) checkChange(before, ended, change, futures);
  }
}

interface Block {
  readonly kind: 'task' | 'pass' | 'choice' | 'loop' | 'parallel' | 'map' | 'wait' | 'callback';
  readonly hasCatch: boolean;
  readonly hasRetry: boolean;
  readonly number: number;
  readonly inner: readonly Block[];
}

const block: fc.Memo<Block> = fc.memo((depth) =>
  fc.record({
    kind:
      depth > 1
        ? fc.constantFrom('task', 'pass', 'choice', 'loop', 'parallel', 'map', 'wait')
        : fc.constantFrom('task', 'pass', 'choice', 'loop', 'wait'),
    hasCatch: fc.boolean(),
    hasRetry: fc.boolean(),
    number: fc.nat(5),
    inner: depth > 1 ? fc.array(block(depth - 1), { minLength: 1, maxLength: 3 }) : fc.constant([]),
  }),
);

/** A machine of blocks one after the other; names are made as they come. */
function machineOf(blocks: readonly Block[], name: (kind: string) => string): JsonObject {
  const States: JsonObject = {};
  const names = blocks.map(({ kind }) => name(kind));
  blocks.forEach((each, index) => {
    const here = names[index] ?? '';
    const next = names[index + 1];
    const goOn: JsonObject = next === undefined ? { End: true } : { Next: next };
    const failures: JsonObject = {
      ...(each.hasCatch
        ? {
            Catch: [
              {
                ErrorEquals: ['States.ALL'],
                Next: names[Math.min(names.length - 1, index + 1 + (each.number % 2))] ?? here,
              },
            ],
          }
        : {}),
      ...(each.hasRetry ? { Retry: [{ ErrorEquals: ['States.ALL'], MaxAttempts: 1, IntervalSeconds: 1 }] } : {}),
    };
    const isLast = next === undefined;
    const guarded = isLast ? { Retry: failures['Retry'] } : failures;
    const extra = Object.fromEntries(Object.entries(guarded).filter(([, value]) => value !== undefined)) as JsonObject;
    const task: JsonObject = { Type: 'Task', Resource: 'work', ...goOn };
    switch (each.kind) {
      case 'task':
        States[here] = { ...task, ...extra };
        break;
      case 'pass':
        States[here] = { Type: 'Pass', ...goOn };
        break;
      case 'wait':
        States[here] = { Type: 'Wait', Seconds: 1, ...goOn };
        break;
      case 'choice':
      case 'loop': {
        const last = names.at(-1) ?? here;
        const target = each.kind === 'loop' ? (names[Math.max(0, index - 1)] ?? here) : last;
        // A Choice asks a task first, so that another visit may decide otherwise.
        const decide = `${here}?`;
        States[here] = { ...task, ...extra, Next: decide, End: undefined as unknown as boolean };
        delete (States[here] as { End?: boolean }).End;
        const end = `${here}.`;
        States[decide] = {
          Type: 'Choice',
          Choices: [{ Variable: '$.turn', BooleanEquals: true, Next: isLast && each.kind === 'choice' ? end : target }],
          Default: next ?? end,
        };
        if (isLast) States[end] = { Type: 'Succeed' };
        break;
      }
      case 'parallel':
        States[here] = {
          Type: 'Parallel',
          Branches: [machineOf(each.inner, name), machineOf(each.inner.slice(0, 1), name)],
          ResultSelector: { turn: false },
          ...goOn,
          ...extra,
        };
        break;
      default:
        States[here] = {
          Type: 'Map',
          ItemsPath: '$.items',
          ...(each.number < 3 ? { MaxConcurrency: each.number } : {}),
          ...(each.number === 4 ? { ToleratedFailurePercentage: 50 } : {}),
          ItemProcessor: machineOf(each.inner, name),
          ResultSelector: { turn: false, items: [1, 2] },
          ...goOn,
          ...extra,
        };
    }
  });
  return { StartAt: names[0] ?? '', States };
}

test('whatever the machine does was drawn just before it did, and came as often as was said', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(block(3), { minLength: 1, maxLength: 4 }), fc.integer(), async (blocks, seed) => {
      let made = 0;
      const definition = machineOf(blocks, (kind) => `${kind}${(made += 1)}`);
      let state = seed;
      let calls = 0;
      const work = (): Outcome => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
        calls += 1;
        const chance = (state >>> 16) % 10;
        if (chance < 2 && seed % 2 === 0 && calls < 40)
          return { result: 'Failure', error: { type: 'Bad', message: '' } };
        return ok({ turn: chance > 6 && calls < 25, items: [1, 2, 3] });
      };
      const machine: MachineToRun = { definition, input: { turn: false, items: [1, 2, 3] }, functions: { work } };
      checkRun(await runMachine(machine));
    }),
    { numRuns: 200 },
  );
}, 60_000);
