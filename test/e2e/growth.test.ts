// Tasks that change the graph while they run, through the real command line: the examples of manifests/examples/growth, and each way in which a
// task may speak.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ended, Place, until } from '../support/oarlock.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const EXAMPLES = join(ROOT, 'manifests', 'examples', 'growth');
const isPythonHere = spawnSync('python3', ['--version']).status === 0;
if (!isPythonHere) console.log('test/e2e/growth: Python tasks are skipped, there is no python3');

interface Status {
  readonly phase: string;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  readonly error?: { readonly type: string; readonly message: string };
  readonly nodes: {
    readonly [id: string]: {
      readonly state: string;
      readonly attempts: number;
      readonly dependencies: readonly string[];
      readonly output?: unknown;
      readonly createdBy?: string;
      readonly error?: { readonly type: string; readonly message: string };
    };
  };
}

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.close());

function statusOf({ stdout, stderr }: Ended): Status {
  try {
    return (JSON.parse(stdout) as { status: Status }).status;
  } catch {
    throw new Error(`expected a run, found ${stdout}; ${stderr}`);
  }
}

async function run(spec: object, ...args: string[]): Promise<Status> {
  const document = { apiVersion: 'oarlock.dev/v1', kind: 'Workflow', metadata: { name: 'w' }, spec };
  place.file('w.json', JSON.stringify(document));
  return statusOf(await place.oarlock('run', 'w.json', '--name', 'r', '-o', 'json', ...args));
}

async function logs(node: string): Promise<string> {
  return (await place.oarlock('logs', 'r', node)).stdout;
}

/** An example, with its scripts found whatever the directory of the command is. */
async function example(name: string, ...args: string[]): Promise<Status> {
  const text = readFileSync(join(EXAMPLES, `${name}.yaml`), 'utf8').replaceAll('manifests/examples/growth', EXAMPLES);
  return statusOf(await place.oarlock('run', place.file(`${name}.yaml`, text), '--name', 'r', '-o', 'json', ...args));
}

function states(status: Status): Record<string, string> {
  return Object.fromEntries(Object.entries(status.nodes).map(([id, { state }]) => [id, state]));
}

const templates = [{ id: 'M', mock: { output: 'made' } }];

describe.runIf(isPythonHere)('examples of growth', () => {
  test('whose scripts are all used', () => {
    const scripts = readdirSync(EXAMPLES).filter((name) => name.endsWith('.py'));
    expect(scripts.sort()).toEqual(['branch.py', 'part.py', 'split.py', 'step.py']);
    const texts = ['fixed.yaml', 'branch.yaml', 'map.yaml']
      .map((name) => readFileSync(join(EXAMPLES, name), 'utf8'))
      .join();
    for (const script of scripts) expect(texts).toContain(script);
  });

  test('fixed.yaml: the graph is what it was, and one task runs at a time', async () => {
    const status = await example('fixed');
    expect(states(status)).toEqual({ start: 'SUCCESS', '1': 'SUCCESS', '2': 'SUCCESS', end: 'SUCCESS' });
    expect(status.nodes['end']).toMatchObject({ output: { did: 'end' }, dependencies: ['2'] });
    const [directory = ''] = readdirSync(join(place.directory, 'state', 'runs'));
    const journal = readFileSync(join(place.directory, 'state', 'runs', directory, 'journal.ndjson'), 'utf8');
    const turns = journal.match(/"type":"(Offered|Ended)"/g) ?? [];
    expect(turns).toEqual([1, 2, 3, 4].flatMap(() => ['"type":"Offered"', '"type":"Ended"']));
  });

  test('branch.yaml: A or B, and never both', async () => {
    const status = await example('branch');
    const decision = status.nodes['A'] === undefined ? 'B' : 'A';
    expect(status.nodes['start']?.output).toEqual({ decision });
    expect(states(status)).toEqual({ start: 'SUCCESS', [decision]: 'SUCCESS' });
    expect(status.nodes[decision]).toMatchObject({ createdBy: 'start', dependencies: ['start'] });
  });

  test.each([0, 1, 4])('map.yaml with %i parts: B waits for all of them', async (parts) => {
    const status = await example('map', '--input', JSON.stringify({ parts }));
    const names = Array.from({ length: parts }, (_, number) => `part ${number}`);
    expect(Object.keys(status.nodes).sort()).toEqual(['A', 'B', ...names].sort());
    expect([...(status.nodes['B']?.dependencies ?? [])].sort()).toEqual(['A', ...names].sort());
    names.forEach((name, number) => expect(status.nodes[name]?.output).toEqual({ square: number * number }));
    expect(status.conditions.find(({ type }) => type === 'PromisesHeld')?.status).toBe('True');
  });
});

describe.runIf(isPythonHere)('a Python task', () => {
  const python = (code: string, more: object = {}): object => ({
    id: 'A',
    python: { code: `import oarlock\n${code}` },
    ...more,
  });

  test('is told why a change is refused, and goes on', async () => {
    const code = `
for bad in (lambda c: c.edge("B", "A"), lambda c: c.add("N"), lambda c: c.add(command=7), lambda c: c.add("M", command="x")):
    try:
        with oarlock.change() as change:
            bad(change)
    except oarlock.Refused as error:
        print(type(error).__name__, error.reason)
oarlock.output("went on")`;
    const status = await run({ tasks: [python(code), { id: 'B', command: 'true', dependencies: ['A'] }], templates });
    expect(status).toMatchObject({ phase: 'Succeeded', nodes: { A: { output: 'went on' } } });
    const printed = await logs('A');
    expect(printed).toContain('Refused edge "B" -> "A": "A" has started');
    expect(printed).toContain('Invalid nodes[0].task: expected the name of a template, found "N", which is none');
    expect(printed).toContain('Invalid nodes[0].command: expected a text, found the number 7');
    expect(printed).toContain('Invalid nodes[0]: expected exactly one of');
    expect((await place.oarlock('history', 'r')).stdout).toContain('refused: edge "B" -> "A": "A" has started');
  });

  test('that puts a node after one without an id is told so, instead of losing the order', async () => {
    const code = `
with oarlock.change() as change:
    first = change.add("M")
    change.add("M", id="second", after=first)`;
    const status = await run({ tasks: [python(code)], templates });
    expect(status.nodes['A']?.error?.message).toMatch(/^expected ids of nodes, found None: give a node an id/);
    expect(Object.keys(status.nodes)).toEqual(['A']);
  });

  test('that breaks a promise ends the run, which names promise and task', async () => {
    const status = await run({ tasks: [python('oarlock.add("M")')], templates, promises: [{ noNewNodes: true }] });
    expect(status.phase).toBe('Failed');
    expect(status.conditions.find(({ type }) => type === 'Succeeded')).toMatchObject({ reason: 'PromiseBroken' });
    expect(Object.keys(status.nodes)).toEqual(['A']);
  });

  test('that fails after it has added nodes adds none when it says the same again', async () => {
    const code = `
for i in range(3):
    oarlock.add("M", input={"i": i})
oarlock.add(command="echo own", id="own", after=[])
if oarlock.attempt == 1:
    raise oarlock.Failure("Flaky", "not yet")`;
    const status = await run({ tasks: [python(code, { maxRetries: 1 })], templates });
    expect(status.phase).toBe('Succeeded');
    expect(Object.keys(status.nodes).sort()).toEqual(['A', 'A/0.1', 'A/0.2', 'A/0.3', 'own']);
    expect(status.nodes['A']?.attempts).toBe(2);
    expect((await place.oarlock('history', 'r')).stdout).toContain('Flaky: not yet');
  });

  test('may use asyncio, threads and programs of its own', async () => {
    const code = `
import asyncio, subprocess, sys, threading
async def main():
    ids = await asyncio.gather(*[oarlock.aio.add("M", id=f"a{i}") for i in range(20)])
    async with oarlock.change() as change:
        change.edge("a0", "B", label="first")
        change.display("a1", color="red")
    return ids
assert asyncio.run(main()) == [f"a{i}" for i in range(20)]
threads = [threading.Thread(target=oarlock.add, args=("M",), kwargs={"id": f"t{i}"}) for i in range(5)]
[t.start() for t in threads]; [t.join() for t in threads]
assert subprocess.run(["cat"], stdout=subprocess.PIPE).stdout == b""
subprocess.run(["echo", '{"jsonrpc": "2.0", "method": "output", "params": {"value": "not its own"}}'])
sys.stdout.write("no end of line")`;
    const status = await run({ tasks: [python(code), { id: 'B', command: 'true', dependencies: ['A'] }], templates });
    expect(status.phase).toBe('Succeeded');
    expect(Object.keys(status.nodes)).toHaveLength(27);
    expect(status.nodes['A']?.output).toBeUndefined();
    expect(await logs('A')).toContain('not its own');
    expect(status.nodes['B']?.dependencies).toEqual(['A', 'a0']);
  });

  test('may say promises and looks, and a later change is held to them', async () => {
    const code = `
oarlock.promise(only={"nodes": [{"task": "M"}], "atMost": 2})
oarlock.add("M"); oarlock.add("M")
try:
    oarlock.add("M")
except oarlock.PromiseBroken as error:
    print("broken:", error.promise)
    raise`;
    const status = await run({ tasks: [python(code)], templates });
    expect(status.phase).toBe('Failed');
    expect(Object.keys(status.nodes)).toHaveLength(3);
  });

  test('says how far it is, for people and programs', async () => {
    const go = join(place.directory, 'go');
    const code = `
import os, time
oarlock.progress(0.25)
while not os.path.exists(${JSON.stringify(go)}):
    time.sleep(0.01)`;
    const running = run({ tasks: [python(code)] });
    await until(
      async () => (await place.oarlock('describe', 'run', 'r')).stdout.includes('25 %'),
      () => 'describe says 25 %',
    );
    expect((await place.run('r')).status.nodes['A']).toMatchObject({ state: 'RUNNING', progress: 0.25 });
    place.file('go', '');
    expect((await running).nodes['A']).not.toHaveProperty('progress');
  });

  test('without python3, or without its script, says what is missing', async () => {
    const status = await run({
      failurePolicy: 'Continue',
      tasks: [python('', { env: { PATH: '/nowhere' } }), { id: 'B', python: { script: 'gone.py' } }],
    });
    expect(status.nodes['A']?.error?.message).toBe('python: python3 was not found in PATH');
    expect(status.nodes['B']?.error?.message).toBe('python: expected a file gone.py, found none');
  });

  test('with secrets speaks as well, and they are masked in its log', async () => {
    place.file('secret', 'hunter2hunter2\n');
    const code = `
import os
print("password", os.environ["PASSWORD"])
oarlock.add("M", id="x")
oarlock.output({"length": len(os.environ["PASSWORD"])})`;
    const env = { PASSWORD: { fromFile: join(place.directory, 'secret') } };
    const status = await run({ tasks: [python(code, { env })], templates });
    expect(status).toMatchObject({
      phase: 'Succeeded',
      nodes: { A: { output: { length: 14 } }, x: { createdBy: 'A' } },
    });
    expect(await logs('A')).toContain('password ***');
  });
});

describe('a task in another language', () => {
  test('speaks with printf and read', async () => {
    const command = `
printf '%s\\n' '{"jsonrpc": "2.0", "id": 1, "method": "graph.change", "params": {"nodes": [{"task": "M", "dependencies": ["A"]}]}}'
read -r answer
echo "plain text, told: $answer"
printf '%s' '{"jsonrpc": "2.0", "method": "output", "params": {"value": {"last": "without an end"}}}'`;
    const status = await run({ tasks: [{ id: 'A', command, messages: true }], templates });
    expect(status).toMatchObject({
      phase: 'Succeeded',
      nodes: { A: { output: { last: 'without an end' } }, 'A/0.1': {} },
    });
    expect(await logs('A')).toContain('plain text, told: {"jsonrpc":"2.0","id":1,"result":{"nodes":["A/0.1"]}}');
  });

  test('that leaves an output file means that, whatever it said before', async () => {
    const command = `
printf '%s\\n' '{"jsonrpc": "2.0", "method": "output", "params": {"value": "said"}}'
printf '"written"' >"$OARLOCK_OUTPUT"`;
    const status = await run({ tasks: [{ id: 'A', command, messages: true }] });
    expect(status.nodes['A']?.output).toBe('written');
  });

  test('may be a function of a JavaScript module', async () => {
    place.file(
      'task.mjs',
      `export async function grow({ change, progress }) {
  progress('on its way');
  const ids = await change({ nodes: [{ task: 'M', input: { n: 1 } }, { task: 'M', before: ['B'] }] });
  const refused = await change({ edges: [{ from: 'B', to: 'A' }] }).catch((error) => error.message);
  return { ids, refused };
}`,
    );
    const status = await run({
      tasks: [
        { id: 'A', call: { module: './task.mjs', export: 'grow' }, messages: true },
        { id: 'B', command: 'true', dependencies: ['A'] },
      ],
      templates,
    });
    expect(status.nodes['A']?.output).toEqual({ ids: ['A/0.1', 'A/0.2'], refused: 'edge "B" -> "A": "A" has started' });
    expect(status.nodes['B']?.dependencies).toEqual(['A', 'A/0.2']);
  });
});
