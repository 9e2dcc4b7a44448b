import { describe, expect, test } from 'vitest';
import { Follower } from '../../../cli/follow/follower.ts';
import { LinesView } from '../../../cli/follow/lines.ts';
import { LiveView } from '../../../cli/follow/live.ts';
import { lastLines } from '../../../cli/follow/log-tail.ts';
import type { ReadTail, RunView } from '../../../cli/follow/view.ts';
import { endLines, quoteArgument } from '../../../cli/follow/words.ts';
import { colorsFor } from '../../../cli/output/colors.ts';
import { apply, newRun } from '../../../kernel/apply.ts';
import type { RunEvent } from '../../../kernel/events.ts';
import type { Transition } from '../../../kernel/history.ts';
import type { Outcome } from '../../../kernel/task.ts';
import { Pipe, settled } from '../../support/cli.ts';
import { graphChange, registration, retries, type RunOptions } from '../../support/graph-text.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { FakeTerminal } from '../../support/terminal.ts';

const PLAIN = colorsFor(false, {});
const FAILED: Outcome = { result: 'Failure', error: { type: 'TaskFailed', message: 'exit code 3' }, exitCode: 3 };
const DONE: Outcome = { result: 'Success' };

/** Events as a controller makes them, stamped with the clock. */
class Script {
  readonly clock = new HandClock();
  readonly events: RunEvent[] = [];
  #fences = 0;

  constructor(graph: string, options: RunOptions = {}) {
    const made = { ...registration(graphChange(graph, options), options), name: 'r-1', workflow: 'demo' };
    this.#add({ type: 'Registered', registration: made });
  }

  attempt(node: string, outcome: Outcome, attempt = 1, takesMs = 1_500): void {
    this.start(node, attempt);
    this.clock.advance(takesMs);
    this.end(node, outcome);
  }

  start(node: string, attempt = 1): void {
    this.#fences += 1;
    const fence = String(this.#fences);
    this.#add({ type: 'Offered', node, attempt, fence, worker: 'w1' });
    this.#add({ type: 'Claimed', node, fence, slot: 's', since: this.clock.now().wall });
  }

  end(node: string, outcome: Outcome, fence = String(this.#fences)): void {
    this.#add({ type: 'Ended', node, fence, outcome, until: this.clock.now().wall });
  }

  skip(nodes: string[]): void {
    this.#add({ type: 'Skipped', nodes, reason: 'a predecessor failed' });
  }

  finish(phase: 'Succeeded' | 'Failed', message = ''): void {
    this.#add({ type: 'RunEnded', phase, reason: phase, message });
  }

  #add(event: Record<string, unknown> & { type: RunEvent['type'] }): void {
    const { time, wall } = this.clock.now();
    this.events.push({ at: wall, time, ...event } as RunEvent);
  }
}

const noTail: ReadTail = () => Promise.resolve([]);

/** Wall times differ by time zone: only the lines behind them count. */
function withoutTimes(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''));
}

async function linesOf(script: Script, readTail = noTail): Promise<string[]> {
  const out = new Pipe();
  const view = new LinesView({ out, talk: new Pipe(), colors: PLAIN, clock: script.clock, readTail });
  new Follower(view).accept(script.events);
  script.clock.advance(1_000);
  await settled();
  await view.close();
  return withoutTimes(out.text);
}

describe('plain lines', () => {
  test('tell each transition with attempt, worker and time', async () => {
    const script = new Script('a -> bb');
    script.attempt('a', DONE);
    script.attempt('bb', DONE, 1, 65_000);
    script.finish('Succeeded');
    expect(await linesOf(script)).toEqual([
      'run  Running: r-1 of workflow demo, 2 tasks',
      'a   PENDING → RUNNING (attempt 1, worker w1)',
      'a   RUNNING → SUCCESS (1.5s)',
      'bb  PENDING → RUNNING (attempt 1, worker w1)',
      'bb  RUNNING → SUCCESS (1m5s)',
    ]);
  });

  test('tell a failure with its message and what the task wrote last, before what came after it', async () => {
    const script = new Script('a, b', { every: {} });
    script.attempt('a', FAILED);
    script.skip(['b']);
    const asked: string[] = [];
    const lines = await linesOf(script, async (node, attempt) => {
      asked.push(`${node}/${attempt}`);
      await settled();
      return ['first', 'last \u001b[2J'];
    });
    expect(asked).toEqual(['a/1']);
    expect(lines.slice(2)).toEqual([
      'a  RUNNING → FAILED (1.5s): TaskFailed: exit code 3',
      '    | first',
      '    | last ',
      'b  PENDING → SKIPPED (a predecessor failed)',
    ]);
  });

  test('tell a retry with the reason, and read no log for it', async () => {
    const script = new Script('a', { every: retries(2) });
    script.attempt('a', FAILED);
    const lines = await linesOf(script, () => Promise.reject(new Error('nobody asks for a log here')));
    expect(lines.at(-1)).toBe('a  RUNNING → RETRYING (1.5s): TaskFailed: exit code 3');
  });

  test('a log that cannot be read costs its lines and nothing else', async () => {
    const script = new Script('a');
    script.attempt('a', FAILED);
    const lines = await linesOf(script, () => Promise.reject(new Error('gone')));
    expect(lines.at(-1)).toBe('a  RUNNING → FAILED (1.5s): TaskFailed: exit code 3');
  });

  test('of many failures only the first ten logs are read', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `n${index}`);
    const script = new Script(ids.join(', '), { failurePolicy: 'Continue' });
    for (const id of ids) script.attempt(id, FAILED);
    let asked = 0;
    await linesOf(script, () => {
      asked += 1;
      return Promise.resolve([]);
    });
    expect(asked).toBe(10);
  });

  test('notes go where talk goes, in one line and without control characters', async () => {
    const out = new Pipe();
    const talk = new Pipe();
    const view = new LinesView({ out, talk, colors: PLAIN, clock: new HandClock(), readTail: noTail });
    view.note('the controller\u001b[2J has gone\nx');
    await view.close();
    expect(talk.text).toBe('the controller has gone x\n');
    expect(out.text).toBe('');
  });

  test('a thousand transitions are few writes', async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `n${index}`);
    const script = new Script(ids.join(', '));
    for (const id of ids) script.attempt(id, DONE, 1, 1);
    const out = new Pipe();
    const view = new LinesView({ out, talk: new Pipe(), colors: PLAIN, clock: script.clock, readTail: noTail });
    const follower = new Follower(view);
    let seen = 0;
    for (const event of script.events) follower.accept([event], (seen += 1));
    script.clock.advance(1_000);
    await settled();
    await view.close();
    expect(out.text.trimEnd().split('\n')).toHaveLength(2_001);
    expect(out.writes).toBeLessThan(5);
  });
});

describe('a follower', () => {
  class Recorder implements RunView {
    readonly changes: Transition[] = [];
    show(_run: unknown, changes: readonly Transition[]): void {
      this.changes.push(...changes);
    }
    note(): void {}
    close = (): Promise<void> => Promise.resolve();
    abandon(): void {}
  }

  test('leaves out what it has seen, however the journal is read', () => {
    const script = new Script('a -> b');
    script.attempt('a', DONE);
    script.attempt('b', DONE);
    script.finish('Succeeded');
    const whole = new Recorder();
    new Follower(whole).accept(script.events, script.events.length);
    for (let step = 1; step < script.events.length; step += 1) {
      const piecewise = new Recorder();
      const follower = new Follower(piecewise);
      for (let end = step; end < script.events.length + step; end += step) {
        const events = script.events.slice(0, end);
        follower.accept(events, events.length);
      }
      expect(piecewise.changes).toEqual(whole.changes);
      expect(follower.seen).toBe(script.events.length);
    }
  });

  test('ends with the run as it ended', () => {
    const script = new Script('a');
    script.attempt('a', DONE);
    script.finish('Succeeded');
    const follower = new Follower(new Recorder());
    follower.accept(script.events);
    expect(follower.run?.end?.phase).toBe('Succeeded');
  });
});

describe('the live table', () => {
  function live(script: Script, columns = 80, rows = 24, readTail = noTail) {
    const terminal = new FakeTerminal(columns, rows);
    const view = new LiveView({ out: terminal, colors: colorsFor(true, {}), clock: script.clock, readTail });
    return { terminal, view, follower: new Follower(view) };
  }

  test('shows every task with state, time and what it waits for, and the progress', () => {
    const script = new Script('a -> b & c -> d');
    script.attempt('a', DONE);
    script.start('b');
    const { terminal, follower } = live(script);
    follower.accept(script.events);
    script.clock.advance(2_000);
    const shown = terminal.text.split('\n');
    expect(shown.slice(0, -1)).toEqual([
      'r-1  Running',
      '✓ a  SUCCESS     1.5s',
      '● b  RUNNING     2.0s  worker w1',
      '· c  PENDING',
      '· d  PENDING           after b, c',
    ]);
    expect(shown.at(-1)).toMatch(/^━+─+ {2}1\/4 {2}3.5s {2}1 running$/);
  });

  test('is drawn at most ten times a second, however many events come', () => {
    const ids = Array.from({ length: 500 }, (_, index) => `n${index}`);
    const script = new Script(ids.join(', '));
    const { terminal, follower } = live(script);
    let seen = 0;
    const feed = (): void => {
      while (seen < script.events.length) follower.accept(script.events.slice(seen, seen + 1), (seen += 1));
    };
    feed();
    for (const id of ids) {
      script.attempt(id, DONE, 1, 2);
      feed();
    }
    expect(terminal.writes).toBeLessThanOrEqual(11);
    expect(terminal.writes).toBeGreaterThan(5);
  });

  test.each([
    [80, 24],
    [40, 10],
    [20, 6],
    [10, 4],
    [200, 60],
  ])('keeps within a screen of %i by %i', (columns, rows) => {
    const ids = Array.from({ length: 100 }, (_, index) => `a-node-with-a-rather-long-name-${index}`);
    const script = new Script(ids.join(', '), { failurePolicy: 'Continue' });
    for (const id of ids.slice(0, 10)) script.attempt(id, id.endsWith('3') ? FAILED : DONE);
    for (const id of ids.slice(10, 14)) script.start(id);
    const { terminal, follower } = live(script, columns, rows);
    follower.accept(script.events);
    script.clock.advance(150);
    script.clock.advance(150);
    const shown = terminal.text.split('\n');
    expect(shown.length).toBeLessThan(rows);
    for (const line of shown) expect(line.length).toBeLessThanOrEqual(columns);
    expect(shown.at(-1)).toMatch(columns > 12 ? /10\/100/ : /10\/1/);
  });

  test('puts first what runs, then what failed, when not all fit, and counts the rest', () => {
    const ids = Array.from({ length: 50 }, (_, index) => `n${index}`);
    const script = new Script(ids.join(', '), { failurePolicy: 'Continue' });
    script.attempt('n0', DONE);
    script.attempt('n1', FAILED);
    script.start('n2');
    const { terminal, follower } = live(script, 80, 8);
    follower.accept(script.events);
    script.clock.advance(150);
    const shown = terminal.text.split('\n');
    expect(shown.slice(1, 5).map((line) => line.slice(0, 15).trim())).toEqual([
      '● n2  RUNNING',
      '✗ n1  FAILED',
      '✓ n0  SUCCESS',
      '… and 47 more',
    ]);
  });

  test('prints a failure above the table, with what the task wrote last', async () => {
    const script = new Script('a, b', { failurePolicy: 'Continue' });
    script.attempt('a', FAILED);
    const { terminal, view, follower } = live(script, 80, 24, () => Promise.resolve(['oh no']));
    follower.accept(script.events);
    await settled();
    script.attempt('b', DONE);
    script.finish('Failed', 'task "a" failed');
    follower.accept(script.events, script.events.length);
    await view.close();
    const [first = '', second, third] = terminal.text.split('\n');
    expect(first).toMatch(/a {2}RUNNING → FAILED \(1.5s\): TaskFailed: exit code 3$/);
    expect(second).toBe('    | oh no');
    expect(third).toBe('r-1  Failed');
    expect(terminal.isCursorShown).toBe(true);
  });

  test('goes on showing time while nothing happens, and stops with the run', async () => {
    const script = new Script('a');
    script.start('a');
    const { terminal, view, follower } = live(script);
    follower.accept(script.events);
    script.clock.advance(100);
    expect(terminal.text).toContain('100ms');
    script.clock.advance(100);
    expect(terminal.text).toContain('200ms');
    script.end('a', DONE);
    script.finish('Succeeded');
    follower.accept(script.events, script.events.length);
    await view.close();
    expect(script.clock.waiting).toBe(0);
  });

  test('gives the cursor back when it is left in the middle', () => {
    const script = new Script('a');
    script.start('a');
    const { terminal, view, follower } = live(script);
    follower.accept(script.events);
    script.clock.advance(100);
    expect(terminal.isCursorShown).toBe(false);
    view.abandon();
    expect(terminal.isCursorShown).toBe(true);
    expect(script.clock.waiting).toBe(0);
  });
});

describe('the end of a run', () => {
  function ended(phase: 'Succeeded' | 'Failed', outcome: Outcome): string[] {
    const script = new Script('a task');
    script.attempt('a task', outcome);
    script.finish(phase, 'task "a task" failed: exit code 3');
    const follower = new Follower(
      new LinesView({ out: new Pipe(), talk: new Pipe(), colors: PLAIN, clock: script.clock, readTail: noTail }),
    );
    follower.accept(script.events);
    return follower.run === null ? [] : endLines(follower.run, PLAIN);
  }

  test('that went well is two lines', () => {
    expect(ended('Succeeded', DONE)).toEqual(['r-1 Succeeded in 1.5s', '  1 task: 1 SUCCESS']);
  });

  test('that failed says why and what to do next', () => {
    expect(ended('Failed', FAILED)).toEqual([
      'r-1 Failed in 1.5s: task "a task" failed: exit code 3',
      '  1 task: 1 FAILED',
      "  next: `oarlock logs r-1 'a task'` shows all it wrote, `oarlock restart r-1 'a task'` runs it again",
    ]);
  });

  test('that was undone is not to be restarted', () => {
    const script = new Script('a task');
    script.attempt('a task', FAILED);
    script.finish('Failed', 'task "a task" failed: exit code 3');
    const [first, ...others] = script.events;
    if (first?.type !== 'Registered') throw new Error('expected a registration');
    const run = others.reduce(apply, newRun(first));
    run.undoing = { phase: 'Failed', reason: 'TaskFailed', message: 'exit code 3' };
    expect(endLines(run, PLAIN).at(-1)).toBe("  next: `oarlock logs r-1 'a task'` shows all it wrote");
  });
});

test.each([
  { text: 'plain-1.2/x', quoted: 'plain-1.2/x' },
  { text: 'two words', quoted: "'two words'" },
  { text: "it's", quoted: "'it'\\''s'" },
  { text: '', quoted: "''" },
])('$text is $quoted for a shell', ({ text, quoted }) => expect(quoteArgument(text)).toBe(quoted));

test.each([
  { name: 'nothing of nothing', text: '', lines: [] },
  { name: 'all of a few', text: 'a\nb\n', lines: ['a', 'b'] },
  { name: 'the last ones of many', text: 'a\nb\nc\nd', lines: ['c', 'd'], most: 2 },
  { name: 'an empty line in the middle', text: 'a\n\nb\n', lines: ['a', '', 'b'] },
  { name: 'a very long line is cut', text: 'x'.repeat(1_000), lines: [`${'x'.repeat(400)}…`] },
])('the last lines of a log: $name', ({ text, lines, most }) => expect(lastLines(text, most)).toEqual(lines));
