// `npm run bench:promises`: what a run costs that grows while it goes on, in the kernel alone: a task adds nodes one by one, in one change, and
// under a shape and a bound. Each change is checked and folded, as it is when its journal is read again.
//
// What is NOT measured: the disk, the message that asks for a change, the tasks themselves.

import { apply, newRun } from '../kernel/apply.ts';
import { checkChange } from '../kernel/change.ts';
import { decide } from '../kernel/decide.ts';
import { futures } from '../kernel/futures.ts';
import type { PromiseSpec } from '../kernel/promises/promise.ts';
import type { Run } from '../kernel/run.ts';
import type { GraphChange, NodeSpec, TaskSpec } from '../kernel/task.ts';
import { median } from './measure.ts';

const SIZES = [1000, 10_000, 40_000];
const ROUNDS = 3;
const SPEAKER: TaskSpec = { executor: { type: 'python', code: '' } };
const PLAIN: TaskSpec = { executor: { type: 'command', command: 'true' } };

function begin(promises: readonly PromiseSpec[]): Run {
  const nodes: NodeSpec[] = [
    { id: 'A', task: SPEAKER },
    { id: 'B', task: PLAIN, dependencies: ['A'] },
  ];
  const registration = {
    name: 'grows',
    uid: '0',
    workflow: null,
    workflowGeneration: 0,
    input: null,
    templates: { M: PLAIN },
    change: { nodes, promises },
  };
  const run = newRun({ type: 'Registered', at: 0, time: 0, registration });
  return apply(run, { type: 'Offered', at: 0, time: 0, node: 'A', attempt: 1, fence: '1', worker: 'w' });
}

function change(from: number, to: number, isChain: boolean): GraphChange {
  const ids = Array.from({ length: to - from }, (_, index) => from + index);
  return {
    nodes: ids.map((id) => ({ id: `m${id}`, task: 'M', dependencies: [isChain && id > 0 ? `m${id - 1}` : 'A'] })),
    edges: ids.map((id) => ({ from: `m${id}`, to: 'B' })),
  };
}

function grow(run: Run, asked: GraphChange): void {
  const refusal = checkChange(run, asked, 'A');
  if (refusal !== null) throw new Error(refusal.message);
  apply(run, { type: 'GraphChanged', at: 0, time: 0, by: 'A', change: asked });
  if (decide(run, { time: 0, wall: 0 }).length > 0) throw new Error('nothing was expected to follow');
}

const PROMISES: readonly PromiseSpec[] = [
  { shape: 'A -> M* -> B' },
  { only: { nodes: [{ task: 'M' }], atMost: 1_000_000 } },
];

const CURVES: readonly (readonly [string, (size: number) => void])[] = [
  ['one by one', (size) => oneByOne(begin([]), size, false)],
  ['one by one, each behind the last', (size) => oneByOne(begin([]), size, true)],
  ['one by one, in a shape and a bound', (size) => oneByOne(begin(PROMISES), size, false)],
  ['one by one, a chain in a shape', (size) => oneByOne(begin([{ shape: 'A -> M... -> B' }]), size, true)],
  ['in one change, in a shape and a bound', (size) => grow(begin(PROMISES), change(0, size, false))],
  [
    'in one change, and one picture',
    (size) => {
      const run = begin(PROMISES);
      grow(run, change(0, size, false));
      futures(run);
    },
  ],
];

function oneByOne(run: Run, size: number, isChain: boolean): void {
  for (let at = 0; at < size; at += 1) grow(run, change(at, at + 1, isChain));
}

function timed(act: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    act();
    return Number(process.hrtime.bigint() - start) / 1e6;
  });
  return median(times);
}

process.stdout.write(
  `| nodes that a task adds | ${SIZES.map((size) => size.toLocaleString('en')).join(' | ')} |\n|---|${SIZES.map(() => '---|').join('')}\n`,
);
for (const [name, act] of CURVES) {
  act(SIZES[0] ?? 0);
  const cells = SIZES.map((size) => {
    const ms = timed(() => act(size));
    return `${ms.toFixed(0)} ms (${((ms * 1000) / size).toFixed(1)} µs each)`;
  });
  process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
}
