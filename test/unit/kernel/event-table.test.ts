// Every event against a node in every state: what is not in the table changes nothing.

import { describe, expect, test } from 'vitest';
import { apply } from '../../../kernel/apply.ts';
import type { RunEvent, RunEventType } from '../../../kernel/events.ts';
import type { RunOptions } from '../../support/graph-text.ts';
import { COMMAND, graphChange, nodeOf, registration, retries } from '../../support/graph-text.ts';
import { type Bare, Driver, failure, SUCCESS } from '../../support/kernel-driver.ts';
import { dump, problemsOf } from '../../support/kernel-oracle.ts';

const GO = { type: 'signal', name: 'go' } as const;
const LATER = retries(1, { intervalSeconds: 60 });

interface Situation {
  readonly name: string;
  readonly options?: RunOptions;
  readonly reach?: (driver: Driver) => unknown;
}

/** All ways in which node `x` can stand; `first` comes before it. */
const SITUATIONS = {
  blocked: { name: 'PENDING, waits for another' },
  ready: { name: 'PENDING, ready', reach: (driver) => driver.work() },
  unchecked: {
    name: 'PENDING, its input is to be checked',
    options: { tasks: { x: { executor: COMMAND, inputSchema: {}, ...retries(9) } } },
    reach: (driver) => driver.work(),
  },
  offered: { name: 'PENDING, offered', reach: (driver) => (driver.work(), driver.offer()) },
  running: { name: 'RUNNING', reach: (driver) => (driver.work(), driver.offer(), driver.claim('x')) },
  stopping: {
    name: 'RUNNING, being stopped',
    reach: (driver) => {
      driver.work();
      driver.offer();
      driver.claim('x').take({ type: 'Stopping', node: 'x', fence: driver.fenceOf('x'), reason: 'Timeout' });
    },
  },
  retrying: {
    name: 'RETRYING, before it is due',
    options: { tasks: { x: { executor: COMMAND, ...LATER } } },
    reach: (driver) => (driver.work(), driver.offer(), driver.end('x', failure())),
  },
  again: {
    name: 'RETRYING, ready again',
    options: { tasks: { x: { executor: COMMAND, ...retries(1) } } },
    reach: (driver) => (driver.work(), driver.offer(), driver.end('x', failure())),
  },
  instant: {
    name: 'PENDING, about to begin and end at once',
    options: { tasks: { x: { executor: { type: 'inline', name: 'Pass' } } } },
    reach: (driver) => {
      driver.offer();
      driver.take({ type: 'Ended', node: 'first', fence: driver.fenceOf('first'), outcome: SUCCESS });
    },
  },
  waiting: { name: 'WAITING', options: { tasks: { x: { executor: GO } } }, reach: (driver) => driver.work() },
  succeeded: { name: 'SUCCESS', reach: (driver) => (driver.work(), driver.work()) },
  failed: { name: 'FAILED', reach: (driver) => (driver.work(), driver.work(() => failure())) },
  skipped: {
    name: 'SKIPPED',
    options: { tasks: { x: { executor: COMMAND, when: 'false' } } },
    reach: (driver) => driver.work(),
  },
  cancelled: { name: 'CANCELLED', reach: (driver) => driver.take({ type: 'NodesCancelled', nodes: ['x'] }) },
} as const satisfies Record<string, Situation>;
type Place = keyof typeof SITUATIONS;

const NODE_EVENTS: Readonly<Record<string, (driver: Driver) => Bare>> = {
  Offered: () => ({ type: 'Offered', node: 'x', attempt: 1, fence: 'new', worker: 'w' }),
  Withdrawn: (driver) => ({ type: 'Withdrawn', node: 'x', fence: fenceOf(driver) }),
  Claimed: (driver) => ({ type: 'Claimed', node: 'x', fence: fenceOf(driver), slot: 's', since: 0 }),
  Stopping: (driver) => ({ type: 'Stopping', node: 'x', fence: fenceOf(driver), reason: 'Lost' }),
  Ended: (driver) => ({ type: 'Ended', node: 'x', fence: fenceOf(driver), outcome: SUCCESS }),
  'Ended late': () => ({ type: 'Ended', node: 'x', fence: 'old', outcome: SUCCESS }),
  InlineStarted: () => ({ type: 'InlineStarted', node: 'x', attempt: 1 }),
  InlineEnded: () => ({ type: 'InlineEnded', node: 'x', outcome: SUCCESS }),
  'InlineEnded badly': () => ({ type: 'InlineEnded', node: 'x', outcome: failure('InputInvalid') }),
  InputChecked: () => ({ type: 'InputChecked', nodes: ['x'] }),
  Beat: () => ({ type: 'Beat', node: 'x', signal: 's' }),
  RetryDue: () => ({ type: 'RetryDue', nodes: ['x'] }),
  Skipped: () => ({ type: 'Skipped', nodes: ['x'], reason: '' }),
  NodesCancelled: () => ({ type: 'NodesCancelled', nodes: ['x'] }),
  RetriesGivenUp: () => ({ type: 'RetriesGivenUp', nodes: ['x'] }),
  RestartRefused: () => ({ type: 'RestartRefused', node: 'x', nonce: 'never', message: '' }),
  RoundOpened: () => ({ type: 'RoundOpened', node: 'x', nonce: 'never', reset: ['x'], withdrawn: ['first'] }),
};

/** The state that x has afterwards; `=`: the same, but something else about it changed. */
const CHANGES: Readonly<Record<string, Partial<Record<Place, string>>>> = {
  Offered: { ready: '=', again: '=' },
  Withdrawn: { offered: '=' },
  Claimed: { offered: 'RUNNING' },
  Stopping: { offered: '=', running: '=' },
  Ended: { offered: 'SUCCESS', running: 'SUCCESS', stopping: 'SUCCESS' },
  InlineEnded: { waiting: 'SUCCESS', instant: 'SUCCESS' },
  'InlineEnded badly': { waiting: 'FAILED', instant: 'FAILED', unchecked: 'FAILED' },
  InputChecked: { unchecked: '=' },
  RetryDue: { retrying: '=' },
  Skipped: {
    blocked: 'SKIPPED',
    ready: 'SKIPPED',
    unchecked: 'SKIPPED',
    instant: 'SKIPPED',
    retrying: 'SKIPPED',
    again: 'SKIPPED',
    waiting: 'SKIPPED',
  },
  NodesCancelled: {
    blocked: 'CANCELLED',
    ready: 'CANCELLED',
    unchecked: 'CANCELLED',
    instant: 'CANCELLED',
    retrying: 'CANCELLED',
    again: 'CANCELLED',
    waiting: 'CANCELLED',
  },
  RetriesGivenUp: { retrying: 'FAILED', again: 'FAILED' },
};

function fenceOf(driver: Driver): string {
  return nodeOf(driver.run, 'x').current?.fence ?? 'none';
}

function reach(place: Place): Driver {
  const { options = {}, reach: go }: Situation = SITUATIONS[place];
  const all: RunOptions = { failurePolicy: 'Continue', ...options };
  const driver = new Driver(registration(graphChange('first -> x -> last', all), all)).settle();
  go?.(driver);
  return driver;
}

const rows = (Object.keys(SITUATIONS) as Place[]).flatMap((place) =>
  Object.keys(NODE_EVENTS).map((event) => ({ place, event, to: CHANGES[event]?.[place] })),
);

describe('a node', () => {
  test.each(Object.keys(SITUATIONS) as Place[])('%s stands as its name says', (place) => {
    expect(nodeOf(reach(place).run, 'x').state).toBe(SITUATIONS[place].name.split(',')[0]);
  });

  test.each(rows)('$place, $event: $to', ({ place, event, to }) => {
    const driver = reach(place);
    const before = dump(driver.run);
    const { state } = nodeOf(driver.run, 'x');
    driver.take(NODE_EVENTS[event]?.(driver) ?? { type: 'Resumed' });
    if (to === undefined) expect(dump(driver.run)).toEqual(before);
    else {
      expect(dump(driver.run)).not.toEqual(before);
      expect(nodeOf(driver.run, 'x').state).toBe(to === '=' ? state : to);
    }
    expect(problemsOf(driver.run)).toEqual([]);
  });
});

describe('a run', () => {
  const RUN_EVENTS: Readonly<Record<string, Bare>> = {
    Registered: { type: 'Registered', registration: registration({ nodes: [] }) },
    Suspended: { type: 'Suspended' },
    Resumed: { type: 'Resumed' },
    CancelRequested: { type: 'CancelRequested' },
    RestartRequested: { type: 'RestartRequested', node: 'first', nonce: '1' },
    GraphChanged: { type: 'GraphChanged', by: 'first', change: { nodes: [{ id: 'n', task: { executor: COMMAND } }] } },
    Compensating: {
      type: 'Compensating',
      nodes: ['first'],
      end: { phase: 'Failed', reason: 'r', message: '' },
    },
    PromiseBroken: { type: 'PromiseBroken', promise: 'noNewNodes', by: null, reason: 'r' },
    RunEnded: { type: 'RunEnded', phase: 'Failed', reason: 'r', message: '' },
  };
  const when: Readonly<Record<string, { reach: () => Driver; changes: readonly string[] }>> = {
    active: {
      reach: () => reach('blocked'),
      changes: [
        'Suspended',
        'CancelRequested',
        'RestartRequested',
        'Compensating',
        'GraphChanged',
        'PromiseBroken',
        'RunEnded',
      ],
    },
    suspended: {
      reach: () => reach('blocked').take({ type: 'Suspended' }),
      changes: [
        'Resumed',
        'CancelRequested',
        'RestartRequested',
        'Compensating',
        'GraphChanged',
        'PromiseBroken',
        'RunEnded',
      ],
    },
    cancelled: {
      reach: () => reach('blocked').take({ type: 'CancelRequested' }),
      changes: ['Suspended', 'RestartRequested', 'Compensating', 'GraphChanged', 'PromiseBroken', 'RunEnded'],
    },
    ended: { reach: () => reach('blocked').finish(), changes: ['Suspended', 'RestartRequested'] },
  };
  const cells = Object.keys(when).flatMap((place) => Object.keys(RUN_EVENTS).map((event) => ({ place, event })));

  test.each(cells)('$place, $event', ({ place, event }) => {
    const { reach: go, changes } = when[place] as (typeof when)[string];
    const driver = go();
    const before = dump(driver.run);
    driver.take(RUN_EVENTS[event] as Bare);
    expect(JSON.stringify(dump(driver.run)) !== JSON.stringify(before)).toBe(changes.includes(event));
    expect(problemsOf(driver.run)).toEqual([]);
  });
});

test('every type of event is in one of the tables', () => {
  const types: Record<RunEventType, true> = {
    Registered: true,
    Offered: true,
    Withdrawn: true,
    Claimed: true,
    Stopping: true,
    Ended: true,
    InlineStarted: true,
    InlineEnded: true,
    InputChecked: true,
    Beat: true,
    RetryDue: true,
    Skipped: true,
    NodesCancelled: true,
    RetriesGivenUp: true,
    Suspended: true,
    Resumed: true,
    CancelRequested: true,
    RestartRequested: true,
    RestartRefused: true,
    RoundOpened: true,
    Compensating: true,
    GraphChanged: true,
    ChangeRefused: true,
    Reported: true,
    PromiseBroken: true,
    RunEnded: true,
  };
  const covered = new Set([
    ...Object.keys(NODE_EVENTS),
    'Registered',
    'Suspended',
    'Resumed',
    'CancelRequested',
    'RestartRequested',
    'Compensating',
    'GraphChanged',
    'ChangeRefused',
    'Reported',
    'PromiseBroken',
    'RunEnded',
  ]);
  expect(Object.keys(types).filter((type) => !covered.has(type))).toEqual([]);
});

test('time never goes back, whatever stamps come', () => {
  const { run } = reach('ready');
  const event: RunEvent = { type: 'Suspended', at: 1, time: -5 };
  const { time, updatedAt } = run;
  apply(run, event);
  expect([run.time, run.updatedAt]).toEqual([time, updatedAt]);
});
