// The demo behind `npm run demo`: runs some of manifests/examples through the real command line, one after the other, in a
// temporary state directory that it removes at the end.
//
// Owns: what a newcomer is shown, and what each run must have come to. Exits with 0 only if every run ended as it should;
// for one of them that is a failure. Does not own: how a run is shown while it goes on (the verb `run`).

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isObject, type Json } from '../kernel/json.ts';
import { Disk } from '../store/file/disk.ts';

interface Scene {
  readonly title: string;
  readonly file: string;
  readonly name: string;
  readonly exitCode: number;
  readonly phase: string;
  /** How many nodes end in which state. */
  readonly counts: Readonly<Record<string, number>>;
  /** A node to ask `why` about afterwards. */
  readonly ask?: string;
}

const SCENES: readonly Scene[] = [
  {
    title: 'A graph of four tasks: B and C start together once A is done, D waits for both.',
    file: 'seed-example.json',
    name: 'demo-graph',
    exitCode: 0,
    phase: 'Succeeded',
    counts: { SUCCESS: 4 },
  },
  {
    title: 'Steps: task_a and task_b side by side, then task_c. These tasks are JavaScript functions that return true.',
    file: 'steps.yaml',
    name: 'demo-steps',
    exitCode: 0,
    phase: 'Succeeded',
    counts: { SUCCESS: 3 },
  },
  {
    title: 'Retries: one task fails twice before it works, one hangs and is ended after a second, then tried again.',
    file: 'retries.yaml',
    name: 'demo-retries',
    exitCode: 0,
    phase: 'Succeeded',
    counts: { SUCCESS: 3 },
  },
  {
    title: 'A failure: what failed, why, and what is skipped because of it. Here exit code 1 is the right answer.',
    file: 'failure.yaml',
    name: 'demo-failure',
    exitCode: 1,
    phase: 'Failed',
    counts: { SUCCESS: 2, FAILED: 1, SKIPPED: 2 },
    ask: 'announce',
  },
  {
    title: 'A small scientific workflow: 25 tasks that fan out, are compared in pairs and come together again.',
    file: 'science.yaml',
    name: 'demo-science',
    exitCode: 0,
    phase: 'Succeeded',
    counts: { SUCCESS: 25 },
  },
];

const MAIN = join(import.meta.dirname, 'main.js');
const EXAMPLES = join('manifests', 'examples');
const ROOT = join(import.meta.dirname, '..', '..');

function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

interface Stage {
  /** The state directory of this demo. */
  readonly state: string;
  /** The demo was told to end, by SIGTERM. */
  readonly terminated: AbortSignal;
  /** The same, or by Ctrl-C. */
  readonly stopped: AbortSignal;
}

/** Exit code of what was told to end, as shells give it. */
const STOPPED = 130;

interface Ended {
  readonly code: number;
  readonly stdout: string;
}

/**
 * One call of the command line. Shown: its output goes where ours goes; else stdout is collected. Ctrl-C reaches it from the
 * terminal by itself, so only SIGTERM (the abort) is passed on.
 */
function oarlock(stage: Stage, args: readonly string[], isShown: boolean): Promise<Ended> {
  if (isShown) say(`$ npx oarlock ${args.join(' ')}`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, '--state', stage.state, ...args], {
      cwd: ROOT,
      stdio: ['ignore', isShown ? 'inherit' : 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const end = (): boolean => child.kill('SIGTERM');
    stage.terminated.addEventListener('abort', end);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      stage.terminated.removeEventListener('abort', end);
      if (signal !== null) say(`oarlock ${args[0]}: ended by ${signal}`);
      resolve({ code: code ?? STOPPED, stdout });
    });
  });
}

/** What is not as the scene says; empty when all is well. */
function differences(scene: Scene, exitCode: number, run: Json): string[] {
  const status = isObject(run) && isObject(run['status']) ? run['status'] : {};
  const nodes = isObject(status['nodes']) ? Object.values(status['nodes']) : [];
  const counts: Record<string, number> = {};
  for (const node of nodes) {
    const state = isObject(node) && typeof node['state'] === 'string' ? node['state'] : 'unknown';
    counts[state] = (counts[state] ?? 0) + 1;
  }
  const found: string[] = [];
  if (exitCode !== scene.exitCode) found.push(`exit code is ${exitCode}, expected ${scene.exitCode}`);
  if (status['phase'] !== scene.phase)
    found.push(`phase is ${JSON.stringify(status['phase'])}, expected ${scene.phase}`);
  for (const state of new Set([...Object.keys(counts), ...Object.keys(scene.counts)])) {
    const expected = scene.counts[state] ?? 0;
    if ((counts[state] ?? 0) !== expected) found.push(`${counts[state] ?? 0} nodes are ${state}, expected ${expected}`);
  }
  return found;
}

async function play(stage: Stage, scene: Scene): Promise<boolean> {
  const { code } = await oarlock(stage, ['run', join(EXAMPLES, scene.file), '--name', scene.name], true);
  if (stage.stopped.aborted) return false;
  if (scene.ask !== undefined) {
    say();
    await oarlock(stage, ['why', scene.name, scene.ask], true);
  }
  const object = await oarlock(stage, ['get', 'run', scene.name, '-o', 'json'], false);
  let run: Json = null;
  try {
    run = JSON.parse(object.stdout) as Json;
  } catch {
    say(`   get run ${scene.name} -o json: expected an object, found ${JSON.stringify(object.stdout.slice(0, 80))}`);
  }
  const problems = differences(scene, code, run);
  const counts = Object.entries(scene.counts).map(([nodeState, count]) => `${count} ${nodeState}`);
  if (problems.length === 0) say(`\n   As it should be: exit code ${code}, ${scene.phase}, ${counts.join(', ')}.`);
  for (const problem of problems) say(`\n   NOT as it should be: ${problem}`);
  return problems.length === 0;
}

async function main(): Promise<number> {
  const disk = new Disk();
  const state = join(tmpdir(), `oarlock-demo-${randomUUID()}`);
  disk.makeDirectory(state);
  say('Oarlock demo: five workflows through the command line, in a state directory of their own.');
  say('Nothing runs before and nothing is left behind after it; the same commands work without --state.');
  const terminated = new AbortController();
  const interrupted = new AbortController();
  process.once('SIGTERM', () => terminated.abort());
  process.once('SIGINT', () => interrupted.abort());
  const stopped = AbortSignal.any([terminated.signal, interrupted.signal]);
  const stage: Stage = { state, terminated: terminated.signal, stopped };
  let good = 0;
  try {
    for (const [index, scene] of SCENES.entries()) {
      say(`\n== ${index + 1} of ${SCENES.length} == ${scene.title}\n`);
      const isGood = await play(stage, scene);
      if (stopped.aborted) return STOPPED;
      if (isGood) good += 1;
    }
    say('\n== What the directory remembers ==\n');
    await oarlock(stage, ['get', 'runs'], true);
  } finally {
    disk.removeTree(state);
  }
  say(`\nDemo: ${good} of ${SCENES.length} workflows ended as they should.`);
  return good === SCENES.length ? 0 : 1;
}

process.exitCode = await main();
