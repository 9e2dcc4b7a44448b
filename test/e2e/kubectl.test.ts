// Stock kubectl against a real engine: `oarlock up`, the kubeconfig that `oarlock kubeconfig` prints, and every verb that people use.
// Where there is no kubectl this is skipped.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Command, type Ended, Place, until } from '../support/oarlock.ts';

const hasKubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;

const WORKFLOW = `# kept by edits
apiVersion: oarlock.dev/v1
kind: Workflow
metadata:
  name: etl
  labels: {team: data}
spec:
  tasks:
    - {id: A, command: "echo from A; echo again"}
    - {id: B, command: "echo from B", dependencies: [A]}
`;
const SLOW = `apiVersion: oarlock.dev/v1
kind: Workflow
metadata: {name: slow}
spec:
  tasks:
    - {id: S, command: "echo begun; sleep 1; echo done"}
`;
const OPEN = `apiVersion: oarlock.dev/v1
kind: Workflow
metadata: {name: open}
spec:
  tasks:
    - {id: W, signal: {name: go}}
`;
const run = (name: string, workflow: string): string =>
  `apiVersion: oarlock.dev/v1\nkind: WorkflowRun\nmetadata: {name: ${name}, labels: {of: ${workflow}}}\nspec: {workflowRef: {name: ${workflow}}}\n`;

describe.skipIf(!hasKubectl)('kubectl (skipped where it is not installed)', () => {
  const place = new Place();
  let engine: Command;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    engine = place.start('up', '--workers', '2', '--port', '0');
    await until(
      () => existsSync(join(place.directory, 'state', 'endpoint.json')),
      () => `state/endpoint.json; the engine said ${engine.stderr}`,
    );
    const config = await place.oarlock('kubeconfig', '--subject', 'alice');
    expect(config.code).toBe(0);
    place.file('kubeconfig', config.stdout);
    env = { ...process.env, KUBECONFIG: join(place.directory, 'kubeconfig'), HOME: place.directory };
    for (const [name, text] of Object.entries({ etl: WORKFLOW, slow: SLOW, open: OPEN }))
      place.file(`${name}.yaml`, text);
  });
  afterAll(() => place.close());

  function kubectlWith(stdin: string, ...args: string[]): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn('kubectl', [...args, '--request-timeout=20s'], { cwd: place.directory, env });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout, stderr }));
      child.stdin.on('error', () => undefined).end(stdin);
    });
  }

  const kubectl = (...args: string[]): Promise<Ended> => kubectlWith('', ...args);

  /** It went well; what it printed. */
  async function good(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await kubectl(...args);
    expect(code, `kubectl ${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout;
  }

  test('discovers the kinds', async () => {
    const listed = await good('api-resources', '--api-group=oarlock.dev');
    for (const word of ['workflows', 'workflowruns', 'tasks', 'signals', 'workers', 'taskleases'])
      expect(listed).toContain(word);
    expect(await good('version')).toContain('oarlock');
    expect(await good('cluster-info')).toContain('running at https://127.0.0.1');
    expect(await good('get', '--raw', '/readyz')).toBe('ok');
  });

  test('knows who it is and what it may do', async () => {
    expect(await good('auth', 'whoami')).toContain('alice');
    expect(await good('auth', 'can-i', 'create', 'workflows.oarlock.dev')).toContain('yes');
    expect(await good('auth', 'can-i', '--list')).toContain('*.*');
  });

  test('apply: created, unchanged, configured', async () => {
    expect(await good('apply', '-f', 'etl.yaml')).toContain('created');
    expect(await good('apply', '-f', 'etl.yaml')).toContain('unchanged');
    place.file('etl.yaml', WORKFLOW.replace('spec:', 'spec:\n  parallelism: 4'));
    expect((await kubectl('diff', '-f', 'etl.yaml')).stdout).toContain('+  parallelism: 4');
    expect(await good('apply', '-f', 'etl.yaml')).toContain('configured');
    expect((await kubectl('diff', '-f', 'etl.yaml')).code).toBe(0);
    expect(await good('apply', '-f', 'slow.yaml', '-f', 'open.yaml')).toContain('open created');
    expect(await good('get', 'wf', 'etl', '-o', 'jsonpath={.spec.parallelism} {.metadata.generation}')).toBe('4 2');
  });

  test('a manifest that is wrong: the field and the reason, exit code 1', async () => {
    place.file('bad.yaml', SLOW.replace('name: slow', 'name: bad').replace('id: S,', 'id: S, dependencies: [nope],'));
    const bad = await kubectl('apply', '-f', 'bad.yaml');
    expect(bad).toMatchObject({ code: 1 });
    expect(bad.stderr).toContain('The Workflow "bad" is invalid: spec.tasks[0].dependencies[0]');
    place.file('odd.yaml', SLOW.replace('name: slow', 'name: odd').replace('id: S,', 'id: S, colour: red,'));
    expect((await kubectl('create', '-f', 'odd.yaml')).stderr).toContain('unknown field "spec.tasks[0].colour"');
  });

  test('apply --server-side: owners of fields, conflicts, and taking over from plain apply', async () => {
    place.file('ssa.yaml', SLOW.replace('name: slow', 'name: ssa'));
    expect(await good('apply', '--server-side', '-f', 'ssa.yaml')).toContain('serverside-applied');
    await good('label', 'wf', 'ssa', 'by=hand');
    place.file('ssa2.yaml', SLOW.replace('{name: slow}', '{name: ssa, labels: {by: other}}'));
    const refused = await kubectl('apply', '--server-side', '-f', 'ssa2.yaml');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('conflict with "kubectl-label"');
    await good('apply', '--server-side', '--force-conflicts', '-f', 'ssa2.yaml');
    expect(await good('get', 'wf', 'ssa', '-o', 'jsonpath={.metadata.labels.by}')).toBe('other');
    expect(await good('get', 'wf', 'ssa', '--show-managed-fields', '-o', 'yaml')).toContain('f:labels');
    await good('apply', '--server-side', '-f', 'ssa.yaml');
    expect(await good('get', 'wf', 'ssa', '-o', 'jsonpath={.metadata.labels}')).toBe('');
    await good('apply', '--server-side', '-f', 'etl.yaml', '--force-conflicts');
    expect(await good('apply', '--server-side', '-f', 'etl.yaml', '--dry-run=server')).toContain('(server dry run)');
  });

  test('get: table, wide, yaml, jsonpath, labels, fields, sorting, chunks, all', async () => {
    expect(await good('get', 'wf')).toMatch(/NAME +FORM +TASKS +STATUS +AGE\n/);
    expect(await good('get', 'wf', '-o', 'wide')).toContain('MESSAGE');
    expect(await good('get', 'task')).toMatch(/NAME +RUNS +STATUS +AGE\ntask_a +call: .* Accepted +built-in\n/);
    expect(await good('get', 'wf', 'etl', '-o', 'yaml')).toContain('kind: Workflow');
    expect(await good('get', 'wf', '-l', 'team=data', '-o', 'name')).toBe('workflow.oarlock.dev/etl\n');
    expect(await good('get', 'wf', '-l', 'team notin (data)', '-o', 'name')).not.toContain('etl');
    expect(await good('get', 'wf', '--field-selector', 'metadata.name=slow', '-o', 'name')).toBe(
      'workflow.oarlock.dev/slow\n',
    );
    expect((await good('get', 'wf', '--chunk-size=1', '-o', 'name')).split('\n')).toHaveLength(5);
    expect(await good('get', 'wf', '--sort-by=.metadata.name')).toMatch(/etl[^]*open[^]*slow[^]*ssa/);
    expect(await good('get', 'wf', '--show-labels')).toContain('team=data');
    expect(await good('get', 'all')).toContain('workflow.oarlock.dev/etl');
    const missing = await kubectl('get', 'wf', 'nobody');
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.stderr).toContain('Error from server (NotFound): workflows.oarlock.dev "nobody" not found');
  });

  test('patch in three ways, label, annotate, edit, replace', async () => {
    expect(await good('patch', 'wf', 'etl', '-p', '{"spec":{"parallelism":5}}')).toContain('patched');
    expect(await good('patch', 'wf', 'etl', '--type=merge', '-p', '{"spec":{"parallelism":5}}')).toContain(
      '(no change)',
    );
    const operation = '[{"op":"replace","path":"/spec/parallelism","value":6}]';
    expect(await good('patch', 'wf', 'etl', '--type=json', '-p', operation)).toContain('patched');
    expect(await good('label', 'wf', 'etl', 'tier=gold')).toContain('labeled');
    expect(await good('label', 'wf', 'etl', 'tier-')).toContain('unlabeled');
    expect(await good('annotate', 'wf', 'etl', 'note=x')).toContain('annotated');
    env = { ...env, KUBE_EDITOR: 'sed -i s/parallelism:.6/parallelism:\\ 7/' };
    expect(await good('edit', 'wf', 'etl')).toContain('edited');
    const live = (await good('get', 'wf', 'etl', '-o', 'json')).replace('"parallelism": 7', '"parallelism": 8');
    place.file('live.json', live);
    expect(await good('replace', '-f', 'live.json')).toContain('replaced');
    const again = await kubectl('replace', '-f', 'live.json');
    expect(again.stderr).toContain('the object has been modified');
    expect(await good('get', 'wf', 'etl', '-o', 'jsonpath={.spec.parallelism}')).toBe('8');
    expect(await good('create', '-f', 'slow.yaml', '--dry-run=client')).toContain('dry run');
  });

  test('a run: wait, describe, events, logs', async () => {
    place.file('run.yaml', run('r1', 'etl'));
    await good('apply', '-f', 'run.yaml');
    expect(await good('wait', '--for=condition=Complete', 'run/r1', '--timeout=15s')).toContain('condition met');
    expect(await good('wait', '--for=condition=Succeeded', 'run/r1', '--timeout=15s')).toContain('condition met');
    await good('wait', '--for=jsonpath={.status.phase}=Succeeded', 'run/r1', '--timeout=15s');
    expect(await good('get', 'run')).toMatch(/r1 +etl +Succeeded +2\/2/);
    expect(await good('get', 'run', '-o', 'wide')).toMatch(
      /^NAME +WORKFLOW +PHASE +PROGRESS +TIME +AGE +WORKERS +RUNNING +MESSAGE\n/,
    );
    expect(await good('get', 'run', 'r1', '-o', 'jsonpath={.status.nodes.B.state}')).toBe('SUCCESS');
    const story = await good('describe', 'run', 'r1');
    expect(story).toContain('run: now Succeeded');
    expect(story).toMatch(/task "A": RUNNING -> SUCCESS/);
    expect(await good('events', '--for', 'workflowrun/r1')).toContain('task "B"');
    expect(await good('get', 'events')).toContain('workflowrun/r1');
    expect(await good('logs', 'r1', '-c', 'A')).toBe('from A\nagain\n');
    expect(await good('logs', 'r1', '-c', 'A', '--tail=1')).toBe('again\n');
    expect(await good('logs', 'r1', '--all-containers', '--prefix')).toContain('[pod/r1/B] from B');
    expect(await good('logs', '-l', 'oarlock.dev/run=r1', '-c', 'B')).toBe('from B\n');
    expect(await good('logs', 'r1', '-c', 'B', '--timestamps')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z from B\n$/);
    expect((await kubectl('logs', 'r1', '-c', 'Z')).code).toBe(1);
  });

  test('logs -f follows to the end of the task, and get -w sees every step', async () => {
    place.file('run2.yaml', run('r2', 'slow'));
    const watching = spawn('kubectl', ['get', 'run', '-w', '-l', 'of=slow'], { cwd: place.directory, env });
    let seen = '';
    watching.stdout.on('data', (chunk: Buffer) => void (seen += chunk.toString()));
    await good('apply', '-f', 'run2.yaml');
    expect(await good('logs', 'r2', '-c', 'S', '-f')).toBe('begun\ndone\n');
    await until(
      () => /r2 +slow +Succeeded/.test(seen),
      () => `a row that says Succeeded in\n${seen}`,
    );
    expect(seen).toMatch(/r2 +slow +(Pending|Running)/);
    watching.kill();
  });

  test('get pods -w and get events -w tell what happens after they began, each once', async () => {
    const watch = (...args: string[]): { text: string; end: () => void } => {
      const child = spawn('kubectl', args, { cwd: place.directory, env });
      const seen = { text: '', end: () => void child.kill() };
      child.stdout.on('data', (chunk: Buffer) => void (seen.text += chunk.toString()));
      return seen;
    };
    const pods = watch('get', 'pods', '-w', '-l', 'oarlock.dev/run=r6');
    const events = watch('get', 'events', '-w', '--field-selector', 'involvedObject.name=r6');
    const story = watch('events', '-w', '--for', 'workflowrun/r6');
    place.file('run6.yaml', run('r6', 'slow'));
    await good('apply', '-f', 'run6.yaml');
    await until(
      () =>
        /r6 +1\/1 +Succeeded/.test(pods.text) &&
        [events, story].every(({ text }) => text.includes('run: now Succeeded')),
      () => `the end in\n${pods.text}\n${events.text}\n${story.text}`,
    );
    expect(pods.text).toMatch(/NAME +PROGRESS +STATUS +AGE\n/);
    for (const { text } of [events, story]) {
      expect(text.match(/task "S": RUNNING -> SUCCESS/g)).toHaveLength(1);
    }
    for (const { end } of [pods, events, story]) end();
    expect(await good('get', 'pod', 'r6', '-o', 'jsonpath={.spec.containers[*].name}')).toBe('S');
  });

  test('suspend and cancel are edits of a run, and an ended one cannot be cancelled', async () => {
    place.file('run3.yaml', run('r3', 'open'));
    await good('apply', '-f', 'run3.yaml');
    await good('wait', '--for=jsonpath={.status.nodes.W.state}=WAITING', 'run/r3', '--timeout=1s').catch(
      () => undefined,
    );
    await good('patch', 'run', 'r3', '-p', '{"spec":{"suspend":true}}');
    await good('wait', '--for=condition=Suspended', 'run/r3', '--timeout=15s');
    await good('patch', 'run', 'r3', '-p', '{"spec":{"suspend":false,"cancel":true}}');
    await good('wait', '--for=condition=Complete', 'run/r3', '--timeout=15s');
    expect(await good('get', 'run', 'r3', '-o', 'jsonpath={.status.phase}')).toBe('Cancelled');
    const late = await kubectl('patch', 'run', 'r1', '-p', '{"spec":{"cancel":true}}');
    expect(late.stderr).toContain('already ended');
    const frozen = await kubectl('patch', 'run', 'r1', '-p', '{"spec":{"input":{"x":1}}}');
    expect(frozen.stderr).toContain('spec.input');
  });

  test('explain tells what admission knows', async () => {
    expect(await good('explain', 'wf.spec.tasks.retry')).toContain('maxAttempts');
    expect(await good('explain', 'run.status')).toContain('counts');
    expect(await good('explain', 'wf', '--recursive')).toContain('dependencies');
  });

  test('delete: one, by label, and a run that is active goes once it is dead', async () => {
    expect(await good('delete', 'wf', 'ssa')).toContain('deleted');
    expect(await good('delete', 'wf', 'ssa', '--ignore-not-found')).toBe('');
    expect((await kubectl('delete', 'wf', 'ssa')).code).toBe(1);
    place.file('run4.yaml', run('r4', 'open'));
    await good('apply', '-f', 'run4.yaml');
    await good('delete', 'run', 'r4');
    expect((await kubectl('get', 'run', 'r4')).code).toBe(1);
    expect(await good('delete', 'run', '-l', 'of=etl')).toContain('r1');
    const waiting = kubectl('wait', '--for=delete', 'run/r2', '--timeout=15s');
    await good('delete', 'run', 'r2', '--wait=false');
    expect((await waiting).code).toBe(0);
  });

  test('finalizers hold an object that is deleted until the last of them is taken off', async () => {
    place.file('held.yaml', SLOW.replace('{name: slow}', '{name: held, finalizers: [example.org/audit]}'));
    await good('apply', '-f', 'held.yaml');
    expect(await good('delete', 'wf', 'held', '--wait=false')).toContain('deleted');
    expect(await good('get', 'wf', 'held', '-o', 'jsonpath={.metadata.deletionTimestamp}')).toMatch(/Z$/);
    expect((await kubectl('wait', '--for=delete', 'wf/held', '--timeout=1s')).code).toBe(1);
    const more = await kubectl('patch', 'wf', 'held', '-p', '{"metadata":{"finalizers":["example.org/other"]}}');
    expect(more.stderr).toContain('metadata.finalizers');
    // Whichever of the two comes first.
    const waiting = kubectl('delete', 'wf', 'held', '--cascade=foreground', '--ignore-not-found');
    await good('patch', 'wf', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    expect((await waiting).code).toBe(0);
    expect((await kubectl('get', 'wf', 'held')).code).toBe(1);

    place.file('held-run.yaml', run('r5', 'open').replace('{name: r5,', '{name: r5, finalizers: [example.org/audit],'));
    await good('apply', '-f', 'held-run.yaml');
    await good('delete', 'run', 'r5', '--wait=false');
    await good('wait', '--for=condition=Complete', 'run/r5', '--timeout=15s');
    expect(await good('get', 'run', 'r5')).toMatch(/r5 +open +Deleting/);
    await good('patch', 'run', 'r5', '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]');
    await good('wait', '--for=delete', 'run/r5', '--timeout=15s');
  });

  test('plain http takes the token as a password, and nobody without one', async () => {
    const { readFileSync } = await import('node:fs');
    const { url } = JSON.parse(readFileSync(join(place.directory, 'state', 'endpoint.json'), 'utf8')) as {
      url: string;
    };
    const token = (await place.oarlock('token', 'create')).stdout.trim();
    const open = url.replace('http://', `http://jwt:${token}@`);
    expect(await good('--kubeconfig=/dev/null', `--server=${open}`, 'get', 'wf', '-o', 'name')).toContain(
      'workflow.oarlock.dev/etl',
    );
    const refused = await kubectl('--kubeconfig=/dev/null', `--server=${url}`, 'get', 'wf');
    expect(refused.stderr).toContain('must be logged in');
  });
});
