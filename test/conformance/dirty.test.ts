// Bad and odd manifests as a person brings them: files dropped all at once into the directory of workflows that one running
// engine serves. Each gets its answer, the engine goes on as if nothing had happened, and when they are gone, so is all of them.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Place, until } from '../support/oarlock.ts';

interface Case {
  readonly file: string;
  readonly expected: 'reject' | 'accept' | 'either';
  readonly names?: string | readonly string[];
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

interface Listed {
  readonly metadata: { readonly name: string };
  readonly spec: object;
  readonly status: { readonly conditions: readonly Condition[] };
}

const FIXTURES = join(import.meta.dirname, '..', '..', '..', 'shared', 'fixtures', 'dirty');
const isHere = existsSync(join(FIXTURES, 'MANIFEST.jsonl'));
if (!isHere) process.stderr.write('skipped: ../shared/fixtures/dirty is not there\n');

const cases = isHere
  ? readFileSync(join(FIXTURES, 'MANIFEST.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Case)
  : [];

/** As much as the largest of them needs, with room: none makes the controller's memory grow without end. */
const MEMORY_LIMIT_MB = 300;

/** The name under which a case is dropped: its own. */
function fileOf({ file }: Case): string {
  return basename(file).replace(/\.gz$/, '');
}

function nameOf(each: Case): string {
  return fileOf(each).replace(/\.(?:yaml|json)$/, '');
}

/** In our words, and with the name of its file where it has an ordinary one, since a file is called like its object. */
function bytesOf(each: Case): Uint8Array {
  const bytes = readFileSync(join(FIXTURES, each.file));
  const text = (each.file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  return Buffer.from(
    text
      .replaceAll('__APIVERSION__', 'oarlock.dev/v1')
      .replaceAll('__KIND__', 'Workflow')
      .replaceAll('dirty-x', nameOf(each)),
    'latin1',
  );
}

/** Waits until it is let go, then has one task more to start. */
const HEALTHY = `
id: healthy
tasks:
  - {id: before, command: "while ! test -f go; do sleep 0.1; done"}
  - {id: after, command: "echo still here", dependencies: [before]}
`;

describe.skipIf(!isHere)('files dropped into state/workflows', () => {
  let place: Place;
  let controller: number;
  let objects: ReadonlyMap<string, Listed> = new Map();
  const path = (...parts: string[]): string => join(place.directory, 'state', ...parts);
  const outside = (): string[] => readdirSync(place.directory).sort();
  const listed = async (): Promise<Listed[]> =>
    (JSON.parse((await place.oarlock('get', 'workflows', '-o', 'json')).stdout) as { items: Listed[] }).items;

  beforeAll(async () => {
    place = new Place();
    await place.start('up', '--workers', '1', '--port', '0').says('ready: ');
    controller = place.pidOf(/main\.js controller/);
    place.file('healthy.yaml', HEALTHY);
    await place.start('run', 'healthy.yaml', '--name', 'one').says('before  PENDING → RUNNING');
    for (const each of cases) writeFileSync(path('workflows', fileOf(each)), bytesOf(each));
    await until(
      async () => {
        objects = new Map((await listed()).map((object) => [object.metadata.name, object]));
        return objects.size === cases.length + 1;
      },
      () => `${cases.length} files have become objects, found ${objects.size - 1}`,
    );
  });

  afterAll(async () => {
    await place?.close();
  });

  test.each(cases)('$file: $expected', (each) => {
    const { expected, names = [] } = each;
    const object = objects.get(nameOf(each));
    const accepted = object?.status.conditions.find(({ type }) => type === 'Accepted');
    if (expected !== 'either') expect(accepted).toMatchObject({ status: expected === 'accept' ? 'True' : 'False' });
    if (accepted?.status === 'True') return expect(Object.keys(object?.spec ?? {})).not.toEqual([]);
    expect(accepted?.message).toMatch(/^workflows\/[\w.-]+:\d+:\d+: /);
    expect(accepted?.message.startsWith(`workflows/${fileOf(each)}:`)).toBe(true);
    for (const word of [names].flat()) expect(accepted?.message).toContain(word);
    expect(accepted?.message.length).toBeLessThan(20_000);
    expect(object?.spec).toEqual({});
  });

  test('stay as they were written', () => {
    for (const each of cases) {
      const stands = readFileSync(path('workflows', fileOf(each)));
      expect(stands.equals(bytesOf(each)), each.file).toBe(true);
    }
    expect(readdirSync(path('workflows')).sort()).toEqual([...cases.map(fileOf), 'healthy.yaml'].sort());
  });

  test('leave no trace outside the state directory', () => {
    expect(outside()).toEqual(['healthy.yaml', 'state']);
    for (const file of ['/etc/cron.d/x', '/tmp/pwn']) expect(existsSync(file), file).toBe(false);
    expect(existsSync(path('quarantine')) ? readdirSync(path('quarantine')) : []).toEqual([]);
  });

  test('that are good can be run beside the bad ones', async () => {
    const ended = await place.oarlock('run', 'a17-unicode-command', '--name', 'unicode');
    expect(ended.code).toBe(0);
    const written = readFileSync(path('workflows', 'a17-unicode-command.yaml'), 'utf8');
    const text = /echo '(.*)'/.exec(written)?.[1];
    expect((await place.oarlock('logs', 'unicode', 'a')).stdout).toBe(`${text}\n`);
  });

  test.each([
    { file: 'a22-long-line', node: 'a' },
    { file: 'n50-task-id', node: '../../../tmp/pwn' },
    { file: 'p09-result-path-constructor', node: 'q' },
    { file: 's07-unreachable', node: 'z' },
  ])('that are odd, as $file, do what they say and nothing else', async ({ file, node }) => {
    const accepted = objects.get(file)?.status.conditions.find(({ type }) => type === 'Accepted');
    // Each may be refused as well; then there is nothing to run.
    if (accepted?.status !== 'True') return expect((await place.oarlock('run', file)).code).toBe(2);
    expect(await place.oarlock('run', file, '--name', `run-${file}`)).toMatchObject({ code: 0 });
    expect((await place.run(`run-${file}`)).status.nodes[node]?.state).toBe('SUCCESS');
  });

  test('that wait for 25 days do not end at once', async () => {
    const name = 's24-wait-25-days';
    const run = place.start('run', name, '--name', 'patient');
    await run.says('a  PENDING → WAITING');
    const begun = performance.now();
    await until(
      () => performance.now() - begun > 3000,
      () => 'three seconds have gone',
    );
    expect((await place.run('patient')).status.nodes).toMatchObject({ a: { state: 'WAITING' } });
    expect((await place.oarlock('cancel', 'patient')).code).toBe(0);
    expect((await run.ended).stdout).toContain('patient Cancelled');
  });

  test('that are bad cannot be run', async () => {
    const { code, stderr } = await place.oarlock('run', 'r01-cycle-2');
    expect(code).toBe(2);
    expect(stderr).toContain('workflow "r01-cycle-2" cannot be read');
  });

  test('disturb nobody: the same controller, and the run that was there goes on to its end', async () => {
    expect(place.pidOf(/main\.js controller/)).toBe(controller);
    const peakKb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${controller}/status`, 'utf8'))?.[1]);
    expect(peakKb / 1024).toBeLessThan(MEMORY_LIMIT_MB);
    expect((await place.run('one')).status.nodes['before']?.state).toBe('RUNNING');
    place.file('go', '');
    await place.phaseIs('one', 'Succeeded');
    expect((await place.oarlock('logs', 'one', 'after')).stdout).toBe('still here\n');
  });

  test('are gone without a trace when they are removed', async () => {
    for (const each of cases) rmSync(path('workflows', fileOf(each)));
    let left: string[] = [];
    await until(
      async () => {
        left = (await listed()).map(({ metadata }) => metadata.name);
        return left.length === 1;
      },
      () => `only the healthy workflow is left, found ${left.join(', ')}`,
    );
    expect(left).toEqual(['healthy']);
    expect(readdirSync(path('meta', 'Workflow'))).toEqual(['healthy.json']);
    expect(outside()).toEqual(['go', 'healthy.yaml', 'state']);
    expect(place.pidOf(/main\.js controller/)).toBe(controller);
  });
});
