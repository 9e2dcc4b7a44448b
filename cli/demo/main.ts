// The demo behind `npm run demo`: what the engine is for, through the real command line, one scene after the other.
//
// Owns: what a newcomer is shown, and what each run must have come to. Exits with 0 only if every run ended as it should;
// for one of them that is a failure. Does not own: how a run is shown while it goes on (the verb `run`).

import { join } from 'node:path';
import { textAt } from '../../kernel/json.ts';
import { embeddedPostgres } from '../../store/postgres/embedded.ts';
import { countsOf, EXAMPLES, say, Stage, STOPPED } from './stage.ts';

interface Scene {
  readonly title: string;
  readonly name: string;
  /** Commands before the run. */
  readonly before?: readonly (readonly string[])[];
  /** What follows `oarlock run`. */
  readonly run: readonly string[];
  /** Commands after it. */
  readonly after?: readonly (readonly string[])[];
  /** Default 0. */
  readonly exitCode?: number;
  /** Default Succeeded. */
  readonly phase?: string;
  /** How many nodes end in which state; absent where chance decides. */
  readonly counts?: Readonly<Record<string, number>>;
  /** `run` is killed when so many tasks are in that state, and `up` goes on with what it left. */
  readonly isKilledAt?: Readonly<Record<string, number>>;
  /** It writes to the Postgres that comes with npm. */
  readonly needsPostgres?: true;
}

const example = (...path: readonly string[]): string => join(EXAMPLES, ...path);
const apply = (...path: readonly string[]): readonly string[] => ['apply', '-f', example(...path)];

const SCENES: readonly Scene[] = [
  {
    title: 'A graph of four tasks: B and C start together once A is done, D waits for both.',
    name: 'demo-graph',
    run: [example('seed-example.json')],
    counts: { SUCCESS: 4 },
  },
  {
    title: 'Steps: task_a and task_b side by side, then task_c. These tasks are JavaScript functions that return true.',
    name: 'demo-steps',
    run: [example('steps.yaml')],
    counts: { SUCCESS: 3 },
  },
  {
    title: 'A state machine: an order goes from state to state, by choices; a service is away twice, then answers.',
    name: 'demo-order',
    before: [apply('order-processing', 'tasks.yaml'), apply('order-processing', 'workflow.yaml')],
    run: ['order_processing_workflow', '--input', `@${example('order-processing', 'inputs', 'retry-recovers.json')}`],
    counts: { SUCCESS: 7 },
  },
  {
    title: 'A graph that grows: A decides how many M there are, and has promised that all stand between A and B.',
    name: 'demo-growth',
    before: [apply('growth', 'map.yaml'), ['graph', 'workflow/map']],
    run: ['map', '--input', '{"parts": 3}'],
    after: [['graph', 'demo-growth']],
    counts: { SUCCESS: 5 },
  },
  {
    title: 'A purchase order, from a mail to a row in Postgres and an alert for people. The Postgres comes with npm.',
    name: 'demo-purchase',
    run: [example('purchase-order', 'workflow.yaml'), '--input', `@${example('purchase-order', 'input.json')}`],
    counts: { SUCCESS: 6 },
    needsPostgres: true,
  },
  {
    title: 'Retries: one task fails twice before it works, one hangs and is ended after a second, then tried again.',
    name: 'demo-retries',
    run: [example('retries.yaml')],
    counts: { SUCCESS: 3 },
  },
  {
    title: 'A failure: what failed, why, and what is skipped because of it. Here exit code 1 is the right answer.',
    name: 'demo-failure',
    run: [example('failure.yaml')],
    after: [['why', 'demo-failure', 'announce']],
    exitCode: 1,
    phase: 'Failed',
    counts: { SUCCESS: 2, FAILED: 1, SKIPPED: 2 },
  },
  {
    title: 'kill -9: tasks that were running go on by themselves, and whoever comes next takes it from there.',
    name: 'demo-killed',
    run: [example('long.yaml')],
    after: [['history', 'demo-killed']],
    counts: { SUCCESS: 6 },
    isKilledAt: { RUNNING: 4 },
  },
];

async function show(stage: Stage, args: readonly string[]): Promise<number> {
  say(`$ npx oarlock ${args.map((word) => (/^[\w@./:-]+$/.test(word) ? word : `'${word}'`)).join(' ')}`);
  const { code } = await stage.oarlock(args);
  return code;
}

/** The exit code of `run`, or what `up` made of it. */
async function perform(stage: Stage, { name, run, isKilledAt }: Scene): Promise<number> {
  const args = ['run', ...run, '--name', name];
  if (isKilledAt === undefined) return show(stage, args);
  say(`$ npx oarlock ${args.join(' ')} & sleep 1; kill -9 $!`);
  const first = stage.start(args, { shows: 'nothing' });
  await stage.until(async () => {
    const counts = countsOf(await stage.statusOf(name));
    return Object.entries(isKilledAt).every(([state, count]) => (counts[state] ?? 0) >= count);
  });
  first.kill('SIGKILL');
  await first.ended;
  await show(stage, ['get', 'run', name, '-o', 'wide']);
  say();
  say('$ npx oarlock up --workers 1 --port 0');
  const second = stage.start(['up', '--workers', '1', '--port', '0'], { shows: 'nothing' });
  const isOver = await stage.until(async () => 'completionTime' in (await stage.statusOf(name)));
  second.kill('SIGTERM');
  await second.ended;
  return isOver ? 0 : 1;
}

/** What is not as the scene says; empty when all is well. */
async function differences(stage: Stage, scene: Scene, exitCode: number): Promise<string[]> {
  const status = await stage.statusOf(scene.name);
  const { exitCode: expectedCode = 0, phase = 'Succeeded', counts = {} } = scene;
  const found: string[] = [];
  if (exitCode !== expectedCode) found.push(`exit code is ${exitCode}, expected ${expectedCode}`);
  if (textAt(status, 'phase') !== phase) found.push(`phase is "${textAt(status, 'phase')}", expected ${phase}`);
  const ended = countsOf(status);
  for (const state of new Set([...Object.keys(ended), ...Object.keys(counts)])) {
    const expected = counts[state] ?? 0;
    if ((ended[state] ?? 0) !== expected) found.push(`${ended[state] ?? 0} nodes are ${state}, expected ${expected}`);
  }
  return found;
}

async function play(stage: Stage, scene: Scene): Promise<boolean> {
  for (const args of scene.before ?? []) {
    await show(stage, args);
    say();
  }
  const code = await perform(stage, scene);
  if (stage.isStopped) return false;
  for (const args of scene.after ?? []) {
    say();
    await show(stage, args);
  }
  const problems = await differences(stage, scene, code);
  const { phase = 'Succeeded', counts = {} } = scene;
  const words = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  if (problems.length === 0) say(`\n   As it should be: exit code ${code}, ${phase}, ${words.join(', ')}.`);
  for (const problem of problems) say(`\n   NOT as it should be: ${problem}`);
  return problems.length === 0;
}

/** Why there is none here, or null. */
async function postgresProblem(stage: Stage): Promise<string | null> {
  try {
    (await embeddedPostgres(stage.state)).release();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function main(): Promise<number> {
  // What is stored goes nowhere else.
  const stage = new Stage({ DATABASE_URL: undefined, OARLOCK_STORE: undefined });
  say(`Oarlock demo: ${SCENES.length} workflows through the command line, in a state directory of their own.`);
  say('Nothing runs before and nothing is left behind after it; the same commands work without the demo.');
  let good = 0;
  let skipped = 0;
  try {
    for (const [index, scene] of SCENES.entries()) {
      say(`\n== ${index + 1} of ${SCENES.length} == ${scene.title}\n`);
      const problem = scene.needsPostgres === true ? await postgresProblem(stage) : null;
      if (problem !== null) {
        say(`   Skipped, there is no Postgres here: ${problem}`);
        skipped += 1;
        continue;
      }
      const isGood = await play(stage, scene);
      if (stage.isStopped) return STOPPED;
      if (isGood) good += 1;
    }
    say('\n== What the directory remembers ==\n');
    await show(stage, ['get', 'runs']);
  } finally {
    await stage.clean();
  }
  const more = skipped === 0 ? '' : `, ${skipped} skipped`;
  say(`\nDemo: ${good} of ${SCENES.length} workflows ended as they should${more}.`);
  say(
    'More of it: npm run demo:order, each end of an order; npm run demo:po, purchase orders with all state in Postgres.',
  );
  return good + skipped === SCENES.length ? 0 : 1;
}

process.exitCode = await main();
