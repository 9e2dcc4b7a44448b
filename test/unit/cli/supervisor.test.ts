import { expect, test } from 'vitest';
import { type Child, Supervisor } from '../../../cli/supervisor.ts';
import { settled } from '../../support/cli.ts';
import { HandClock } from '../../support/hand-clock.ts';

/** Children that end when the test says so. */
class Nursery {
  readonly clock = new HandClock();
  readonly said: string[] = [];
  readonly supervisor = new Supervisor({ clock: this.clock, say: (text) => void this.said.push(text) });
  started = 0;
  terminated = 0;
  #end: (how: string) => void = () => undefined;

  readonly start = (): Child => {
    this.started += 1;
    return {
      pid: this.started,
      ended: new Promise((resolve) => {
        this.#end = resolve;
      }),
      terminate: () => {
        this.terminated += 1;
      },
    };
  };

  async die(how = 'SIGKILL'): Promise<void> {
    this.#end(how);
    await settled();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }
}

test('a child that dies is started again', async () => {
  const nursery = new Nursery();
  void nursery.supervisor.keep({ label: 'worker w1', start: nursery.start });
  await nursery.die();
  expect(nursery.started).toBe(1);
  await nursery.pass(100);
  expect(nursery.started).toBe(2);
  expect(nursery.said).toEqual([
    'worker w1 started, pid 1',
    'worker w1 died (SIGKILL); it is started again',
    'worker w1 started, pid 2',
  ]);
});

test('one that keeps dying at once is started ever more slowly, up to half a minute', async () => {
  const nursery = new Nursery();
  void nursery.supervisor.keep({ label: 'x', start: nursery.start });
  const waits: number[] = [];
  for (let deaths = 0; deaths < 11; deaths += 1) {
    await nursery.die('exit code 1');
    const before = nursery.started;
    let waited = 0;
    for (; nursery.started === before; waited += 100) await nursery.pass(100);
    waits.push(waited);
  }
  expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
});

test('one that ran for a while is started again soon', async () => {
  const nursery = new Nursery();
  void nursery.supervisor.keep({ label: 'x', start: nursery.start });
  for (let deaths = 0; deaths < 5; deaths += 1) {
    await nursery.die();
    await nursery.pass(30_000);
  }
  await nursery.pass(10_000);
  await nursery.die();
  const before = nursery.started;
  await nursery.pass(100);
  expect(nursery.started).toBe(before + 1);
});

test('stop asks the child to end, waits for it, and starts nothing again', async () => {
  const nursery = new Nursery();
  const kept = nursery.supervisor.keep({ label: 'x', start: nursery.start });
  nursery.supervisor.stop();
  expect(nursery.terminated).toBe(1);
  await nursery.die('exit code 0');
  await kept;
  await nursery.pass(60_000);
  expect(nursery.started).toBe(1);
});

test('a child that ended because everybody was told to is not called dead', async () => {
  const nursery = new Nursery();
  const kept = nursery.supervisor.keep({ label: 'x', start: nursery.start });
  await nursery.die('exit code 0');
  nursery.supervisor.stop();
  await kept;
  expect(nursery.said).toEqual(['x started, pid 1', 'x ended']);
});

test('stop while a start is awaited ends the waiting', async () => {
  const nursery = new Nursery();
  const kept = nursery.supervisor.keep({ label: 'x', start: nursery.start });
  await nursery.die();
  nursery.supervisor.stop();
  await kept;
  expect(nursery.started).toBe(1);
  expect(nursery.clock.waiting).toBe(0);
});
