// A worker with real slots, in the process of the test.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Executor } from '../../../kernel/task.ts';
import type { Offer } from '../../../store/store.ts';
import { type RunningWorker, startWorker } from '../../support/running-worker.ts';
import { fenceOf, settledLease, until, WORKER } from '../../support/slot-place.ts';

const command = (text: string): Executor => ({ type: 'command', command: text });
const failure = (message: string, more: object = {}): object => ({
  result: 'Failure',
  error: { type: 'TaskFailed', message },
  ...more,
});

describe('a worker', () => {
  let worker: RunningWorker;
  beforeEach(async () => {
    worker = await startWorker(2, { ...process.env, TOKEN_SOURCE: 's3cret-value', OTHER_SECRET: 'never' });
  });
  afterEach(() => worker.end());

  test('runs a command and keeps its output in the log', async () => {
    const { outcome, log, counter } = await worker.perform(command('echo hello; echo oops >&2'));
    expect(outcome).toEqual({ result: 'Success', exitCode: 0 });
    expect(log).toBe('hello\noops\n');
    expect(fs.statSync(worker.place.log(counter)).mode & 0o777).toBe(0o600);
  });

  test('gives a task its place in the run, and nothing else of its own environment', async () => {
    const { log } = await worker.perform(command('env | sort; cat "$OARLOCK_INPUT"; touch "$OARLOCK_SCRATCH/shared"'), {
      env: { PLAIN: 'a b', LC_ALL: 'C' },
    });
    const lines = log.split('\n');
    const names = lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split('=')[0]);
    const expected = [
      'LC_ALL',
      'OARLOCK_ATTEMPT',
      'OARLOCK_FENCE',
      'OARLOCK_IDEMPOTENCY_KEY',
      'OARLOCK_INPUT',
      'OARLOCK_NODE',
    ];
    expected.push('OARLOCK_OUTPUT', 'OARLOCK_RUN', 'OARLOCK_SCRATCH', 'PATH', 'PLAIN', 'PWD');
    expect(
      names.filter((name) => !/^(HOME|USER|LOGNAME|SHELL|TZ|TMPDIR|LANG|LANGUAGE|LC_(?!ALL)\w+)$/.test(name ?? '')),
    ).toEqual(expected);
    expect(lines).toContain('OARLOCK_RUN=etl');
    expect(lines).toContain('OARLOCK_NODE=node 1');
    expect(log).toContain('{"from":"run"}');
    expect(fs.existsSync(join(worker.place.root, 'scratch', 'shared'))).toBe(true);
  });

  test('gives a task the input and takes the output of its own', async () => {
    const { outcome } = await worker.perform(command('cat "$OARLOCK_INPUT" > "$OARLOCK_OUTPUT"'), {
      input: { rows: ['a', 1, null] },
    });
    expect(outcome).toEqual({ result: 'Success', exitCode: 0, output: { rows: ['a', 1, null] } });
  });

  const saying = (counter: number): string =>
    fs.readFileSync(worker.place.inbox(`${fenceOf(counter)}.messages`), 'utf8');

  test.each([
    ['a shell', {}],
    ['a host', { env: { SECRET: { fromEnv: 'TOKEN_SOURCE' } } }],
  ])('keeps what a task says apart from its log, and lets it be told something, in %s', async (_, more) => {
    const text = `printf '%s\\n' '{"jsonrpc":"2.0","id":1,"method":"x"}'; read -r told; echo "told $told" >&2; test -p /dev/stdin`;
    const ended = worker.perform(command(text), { ...more, messages: true });
    await until('it speaks', () => fs.existsSync(worker.place.inbox(`${fenceOf(1)}.messages`)) && saying(1) !== '');
    expect(saying(1)).toBe('{"jsonrpc":"2.0","id":1,"method":"x"}\n');
    expect(await worker.leases.answer(WORKER, fenceOf(1), Buffer.from('yes\n'))).toBe(4);
    const { outcome, log } = await ended;
    expect(outcome).toEqual({ result: 'Success', exitCode: 0 });
    expect(log).toBe('told yes\n');
    expect(worker.place.names().filter((name) => !name.startsWith('.spare-'))).toEqual([]);
  });

  test('masks secrets in what a task prints beside its messages', async () => {
    const env = { SECRET: { fromEnv: 'TOKEN_SOURCE' } };
    const { log } = await worker.perform(command('echo "it is $SECRET"'), { env, messages: true });
    expect(log).toBe('it is ***\n');
  });

  test('ends a task that says too much, and says so', async () => {
    await worker.end();
    worker = await startWorker(1, process.env, { speechLimitBytes: 100_000 });
    const { outcome } = await worker.perform(command('yes a line'), { messages: true });
    const message = 'expected at most 100000 bytes of messages in one attempt, found more';
    expect(outcome).toMatchObject({ result: 'Failure', error: { type: 'TaskFailed', message } });
    expect((await worker.perform(command('echo next'))).outcome).toEqual({ result: 'Success', exitCode: 0 });
  });

  const cannotStart: readonly { name: string; executor: Executor; more?: Partial<Offer>; message: string }[] = [
    {
      name: 'a directory that is not there',
      executor: command('echo no'),
      more: { workingDir: '/nonexistent/place' },
      message: 'working directory /nonexistent/place: cannot enter it',
    },
    {
      name: 'an empty argument list',
      executor: { type: 'exec', argv: [] },
      message: 'exec: expected a program, found an empty list',
    },
    {
      name: 'an argument that no kernel takes',
      executor: { type: 'exec', argv: ['echo', 'x'.repeat(131_072)] },
      message: 'exec: expected at most 131071 bytes in one argument, found 131072; put it in a file',
    },
    { name: 'a zero byte', executor: command('echo a\0b'), message: 'command: expected text without a zero byte' },
    {
      name: 'a name that is no variable',
      executor: command('true'),
      more: { env: { 'A-B': 'x' } },
      message: 'env A-B: expected a name of letters, digits and _',
    },
    {
      name: 'a secret that is not there',
      executor: command('true'),
      more: { env: { T: { fromEnv: 'NO_SUCH' } } },
      message: "env T: fromEnv NO_SUCH: expected it in the worker's environment, found nothing",
    },
    {
      name: 'a function that is not there',
      executor: { type: 'call', module: 'oarlock:builtin', export: 'nope' },
      message: 'module oarlock:builtin: expected a function nope, found gather, map, task_a, task_b, task_c',
    },
    {
      name: 'a module that is not there',
      executor: { type: 'call', module: './nope.mjs', export: 'x' },
      message: 'module ./nope.mjs: no such file: DIR/nope.mjs',
    },
    {
      name: 'a package that is not there',
      executor: { type: 'call', module: 'no-such-package', export: 'x' },
      message: 'module no-such-package: expected a package that is found from DIR, or a path that starts with ./',
    },
    {
      name: 'a program that is not there, with a secret',
      executor: { type: 'exec', argv: ['nosuch'] },
      more: { env: { T: { fromEnv: 'TOKEN_SOURCE' } } },
      message: 'nosuch: not found, or working directory DIR cannot be entered',
    },
  ];
  test.each(cannotStart)('says clearly what kept a task from starting: $name', async ({ executor, more, message }) => {
    const { outcome } = await worker.perform(executor, more);
    expect(outcome).toMatchObject(failure(message.replaceAll('DIR', worker.place.root)));
    expect((await worker.perform(command('true'))).outcome).toMatchObject({ result: 'Success' });
  });

  test('a slot goes on after whatever a task did to its shell', async () => {
    const nasty = [
      'exit 3',
      'kill -9 $$',
      'exec 0<&- 1>&- 2>&-',
      'ulimit -n 3; true',
      'cd /; umask 0',
      'echo "',
      'set -e; false',
      'trap "" TERM; kill 0; true',
      'yes | head -c 100000',
    ];
    for (const text of nasty) await worker.perform(command(text));
    expect((await worker.perform(command('umask; pwd; echo fine'))).log).toBe(`0022\n${worker.place.root}\nfine\n`);
  });

  test('runs as many at once as it has slots, oldest first', async () => {
    const { leases, place } = worker;
    for (const counter of [101, 102, 103])
      await leases.offer(
        WORKER,
        place.offer(counter, command(`echo ready; while ! [ -e ${place.root}/go ]; do sleep 0.01; done`)),
      );
    await until('two at once', () => place.readLog(101).includes('ready') && place.readLog(102).includes('ready'));
    expect((await leases.standing(WORKER)).offered).toEqual([fenceOf(103)]);
    fs.writeFileSync(join(place.root, 'go'), '');
    for (const counter of [101, 102, 103])
      expect((await settledLease(leases, counter)).outcome?.outcome).toMatchObject({ result: 'Success' });
  });

  test('a killed slot is replaced, and its attempt left to the controller', async () => {
    const { leases, place, said } = worker;
    await leases.offer(WORKER, place.offer(101, command('echo ready; sleep 100')));
    await until('it runs', () => place.readLog(101).includes('ready'));
    const [claim] = (await leases.standing(WORKER)).claimed;
    const pid = Number(/^s(\d+)-/.exec(claim?.slot ?? '')?.[1]);
    process.kill(-pid, 'SIGKILL');
    await until('it is seen', () => said.some((line) => line.includes('a slot died')));
    expect(leases.slotLiveness(claim?.slot ?? '')).toBe('dead');
    for (let round = 0; round < 4; round += 1)
      expect((await worker.perform(command('true'))).outcome).toMatchObject({ result: 'Success' });
    expect((await leases.inbox(WORKER)).find(({ fence }) => fence === fenceOf(101))?.outcome).toBeNull();
  });

  test('a slot whose attempt was stopped takes no other', async () => {
    const { leases, place } = worker;
    await leases.offer(WORKER, place.offer(101, command('echo ready; sleep 100')));
    await until('it runs', () => place.readLog(101).includes('ready'));
    const slot = (await leases.standing(WORKER)).claimed[0]?.slot ?? '';
    await leases.stop(WORKER, fenceOf(101), 'Timeout');
    process.kill(-Number(/^s(\d+)-/.exec(slot)?.[1]), 'SIGTERM');
    await settledLease(leases, 101);
    await until('it is gone', () => leases.slotLiveness(slot) === 'dead');
    expect((await worker.perform(command('true'))).outcome).toMatchObject({ result: 'Success' });
  });

  test('a claim that somebody removes while its attempt runs comes back', async () => {
    const { leases, place } = worker;
    await leases.offer(
      WORKER,
      place.offer(101, command(`echo ready; while ! [ -e ${place.root}/go ]; do sleep 0.01; done`)),
    );
    await until('it runs', () => place.readLog(101).includes('ready'));
    const [claim] = (await leases.standing(WORKER)).claimed;
    fs.unlinkSync(place.inbox(`${fenceOf(101)}.claim.${claim?.slot}`));
    await until('the claim is back', async () => (await leases.standing(WORKER)).claimed[0]?.slot === claim?.slot);
    fs.writeFileSync(join(place.root, 'go'), '');
    expect((await settledLease(leases, 101)).outcome?.outcome).toMatchObject({ result: 'Success' });
  });

  test('an outcome that somebody removes is a loss, never a task for ever', async () => {
    const { leases, place } = worker;
    const offer = place.offer(101, command('true'));
    await leases.offer(WORKER, offer);
    const { claim } = await settledLease(place.leases(), 101);
    // What a controller does that knows of the claim and finds nothing.
    fs.unlinkSync(place.inbox(`${fenceOf(101)}.claim.${claim ?? ''}`));
    await leases.restoreClaim(WORKER, offer, claim ?? '');
    const found = await settledLease(place.leases(), 101);
    expect(found.outcome?.outcome).toEqual({ result: 'Lost', message: 'its outcome file was removed' });
    expect((await worker.perform(command('true'))).outcome).toMatchObject({ result: 'Success' });
  });

  test('what a task leaves in the background is ended, and its log says so', async () => {
    const { outcome, counter } = await worker.perform(
      command("(trap '' TERM; while :; do sleep 0.02; done) & echo $! > pid"),
    );
    expect(outcome).toMatchObject({ result: 'Success' });
    const pid = Number(fs.readFileSync(join(worker.place.root, 'pid'), 'utf8'));
    await until('it is gone', () => worker.place.processes.identify(pid) === null);
    expect(worker.place.readLog(counter)).toContain(`oarlock: process ${pid} was left behind and is ended`);
  });

  describe('with secrets', () => {
    const env = { TOKEN: { fromEnv: 'TOKEN_SOURCE' } };

    test('masks them in the log, also when they come in pieces', async () => {
      const text = 'printf s3cret-; sleep 0.02; echo "value $TOKEN [$OTHER_SECRET]"; echo "$TOKEN" >&2; exit 3';
      const { outcome, log } = await worker.perform(command(text), { env });
      expect(outcome).toEqual(failure('exit code 3', { exitCode: 3 }));
      expect(log.split('\n').sort()).toEqual(['', '***', '*** *** []']);
    });

    test('reads them from files, without the newline at the end', async () => {
      fs.writeFileSync(join(worker.place.root, 'secret'), 'from-a-file\n');
      fs.symlinkSync('secret', join(worker.place.root, 'link'));
      const file = { TOKEN: { fromFile: join(worker.place.root, 'link') } };
      const { log } = await worker.perform(command('printf "$TOKEN" | wc -c; echo "$TOKEN"'), { env: file });
      expect(log).toBe('11\n***\n');
    });

    test('runs until the program exits, whatever it leaves holding its output', async () => {
      const { outcome, log } = await worker.perform(command('sleep 60 & echo over'), { env });
      expect(outcome).toMatchObject({ result: 'Success' });
      expect(log).toBe('over\n');
    });

    test('tells a signal from an exit code', async () => {
      const { outcome } = await worker.perform(command('kill -KILL $$'), { env });
      expect(outcome).toEqual(failure('killed by signal 9 (SIGKILL)', { exitCode: 137 }));
    });
  });

  describe('with functions', () => {
    const call = async (body: string, input: Offer['input'] = {}): ReturnType<RunningWorker['perform']> => {
      fs.writeFileSync(join(worker.place.root, 'tasks.mjs'), `export async function task(context) { ${body} }`);
      return worker.perform(
        { type: 'call', module: './tasks.mjs', export: 'task' },
        input === undefined ? {} : { input },
      );
    };

    test('a function gets its input and place, its output is what it returns, what it prints is its log', async () => {
      const { outcome, log } = await call(
        [
          'const {input, run, node, attempt, key, log} = context;',
          'log("adding", input); console.log("out"); console.error("err");',
          'return {sum: input.a + input.b, run, node, attempt, key, fence: process.env.OARLOCK_FENCE};',
        ].join(' '),
        { a: 1, b: 2 },
      );
      const output = { sum: 3, run: 'etl', node: 'node 1', attempt: 1, key: 'key-1', fence: fenceOf(1) };
      expect(outcome).toEqual({ result: 'Success', exitCode: 0, output });
      expect(log).toBe('adding { a: 1, b: 2 }\nout\nerr\n');
    });

    test('the functions of the steps example come with the engine', async () => {
      const { outcome, log } = await worker.perform({ type: 'call', module: 'oarlock:builtin', export: 'task_a' });
      expect(outcome).toEqual({ result: 'Success', exitCode: 0, output: true });
      expect(log).toBe('Running task A\n');
    });

    const results: readonly { body: string; outcome: object }[] = [
      { body: '', outcome: { result: 'Success', exitCode: 0 } },
      { body: 'return null', outcome: { result: 'Success', exitCode: 0, output: null } },
      { body: 'return "text"', outcome: { result: 'Success', exitCode: 0, output: 'text' } },
      { body: 'return false', outcome: failure('returned false', { exitCode: 1 }) },
      { body: 'throw new Error("broken")', outcome: failure('broken', { exitCode: 1 }) },
      {
        body: 'class ValidationError extends Error { name = "ValidationError" }; throw new ValidationError("row 7")',
        outcome: { result: 'Failure', error: { type: 'ValidationError', message: 'row 7' } },
      },
      { body: 'null.x', outcome: { result: 'Failure', error: { type: 'TypeError' } } },
      { body: 'throw "words"', outcome: failure('words') },
      { body: 'throw undefined', outcome: failure('threw undefined') },
      {
        body: 'return 10n',
        outcome: {
          result: 'Failure',
          error: {
            type: 'OutputInvalid',
            message: 'returned what JSON cannot hold: Do not know how to serialize a BigInt',
          },
        },
      },
      {
        body: 'return () => 1',
        outcome: {
          result: 'Failure',
          error: { type: 'OutputInvalid', message: 'returned what JSON cannot hold: a function' },
        },
      },
      {
        body: 'setImmediate(() => { throw new Error("later") }); await new Promise(() => {})',
        outcome: failure('later'),
      },
      { body: 'Promise.reject(new Error("unheard")); await new Promise(() => {})', outcome: failure('unheard') },
      { body: 'process.exit(5)', outcome: failure('exit code 5', { exitCode: 5 }) },
    ];
    test.each(results)('what comes of: $body', async ({ body, outcome }) => {
      expect((await call(body)).outcome).toMatchObject(outcome);
      expect((await call('return 1')).outcome).toMatchObject({ result: 'Success', output: 1 });
    });

    test('a changed file is read anew', async () => {
      expect((await call('return 1')).outcome).toMatchObject({ output: 1 });
      expect((await call('return 22')).outcome).toMatchObject({ output: 22 });
    });

    test('a function hears that it is stopped, and its host is replaced', async () => {
      const { leases, place } = worker;
      fs.writeFileSync(
        join(place.root, 'slow.mjs'),
        [
          'export const task = ({signal, log}) => new Promise((resolve, reject) => {',
          '  log("ready"); signal.addEventListener("abort", () => { log("heard"); reject(signal.reason); });',
          '});',
        ].join('\n'),
      );
      await leases.offer(WORKER, place.offer(101, { type: 'call', module: './slow.mjs', export: 'task' }));
      await until('it runs', () => place.readLog(101).includes('ready'));
      const slot = (await leases.standing(WORKER)).claimed[0]?.slot ?? '';
      expect(slot).toMatch(/^j/);
      await leases.stop(WORKER, fenceOf(101), 'Cancelled');
      process.kill(-Number(/^j(\d+)-/.exec(slot)?.[1]), 'SIGTERM');
      expect((await settledLease(leases, 101)).outcome?.outcome).toMatchObject(failure('stopped by SIGTERM'));
      expect(place.readLog(101)).toContain('heard');
      await until('it is gone', () => leases.slotLiveness(slot) === 'dead');
    });
  });
});

describe('a worker that is told to drain', () => {
  test('takes nothing new, finishes what runs, and leaves nothing behind', async () => {
    const worker = await startWorker(1);
    const { leases, place } = worker;
    await leases.offer(
      WORKER,
      place.offer(101, command('echo ready; sleep 0.2; echo done; sleep 100 & echo $! > pid')),
    );
    await until('it runs', () => place.readLog(101).includes('ready'));
    await leases.offer(WORKER, place.offer(102, command('true')));
    const slot = (await leases.standing(WORKER)).claimed[0]?.slot ?? '';
    const ended = worker.drain();
    await until('it says so', async () => (await place.seats().workers())[0]?.draining === true);
    await ended;
    expect(place.readLog(101)).toContain('done');
    expect((await leases.standing(WORKER)).offered).toEqual([fenceOf(102)]);
    expect(leases.slotLiveness(slot)).toBe('dead');
    expect(place.processes.identify(Number(fs.readFileSync(join(place.root, 'pid'), 'utf8')))).toBeNull();
    expect(await place.seats().workers()).toEqual([]);
    place.dispose();
  });
});
