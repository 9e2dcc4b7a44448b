// The verbs, their options and their help: the only importer of commander. A verb's code is loaded when it runs, so that
// `--help` and wrong usage cost no more than this file.
//
// Owns: words on the command line. Does not own: what a verb does (verbs/), exit codes of failures (failure.ts).

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type ExitCode, explain } from './failure.ts';
import type { Io } from './io.ts';
import { type Doors, Session, stateDirOf } from './session.ts';

/** What a verb needs from the outside besides the store. */
export interface Program {
  readonly io: Io;
  readonly doors: Doors;
  readonly version: string;
}

const WORKING_VERBS: ReadonlySet<string> = new Set(['up', 'controller', 'worker', 'run']);

type Options = { readonly [name: string]: unknown };

/** Runs one command line (without `node` and the script) and returns the exit code; never throws. */
export async function runProgram(program: Program, argv: readonly string[]): Promise<ExitCode> {
  const { io } = program;
  let exitCode: ExitCode = 0;
  const root = rootCommand(program);

  /** Ties a command to its verb: opens a session around it and turns what it throws into an exit code. */
  const act = (command: Command, body: (session: Session, options: Options, words: string[]) => Promise<ExitCode>) => {
    command.action(async () => {
      const options: Options = command.optsWithGlobals();
      const session = new Session({ io, doors: program.doors, ...stateDirOf(io, text(options['state'])) });
      // A verb that only prints has nothing more to do when nobody reads; one that serves or runs goes on.
      if (!WORKING_VERBS.has(command.name())) io.onReaderGone(() => io.leave(0));
      try {
        exitCode = await body(session, options, command.args);
      } catch (error) {
        const explained = explain(error);
        io.stderr.write(explained.text);
        exitCode = explained.exitCode;
      } finally {
        await session.close();
      }
    });
  };

  addServing(root, act);
  addResources(root, act);
  addRuns(root, act);
  addSteering(root, act);

  try {
    await root.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has already said what is wrong, or printed the help that was asked for.
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

type Act = (command: Command, body: (session: Session, options: Options, words: string[]) => Promise<ExitCode>) => void;

function rootCommand({ io, version }: Program): Command {
  const root = new Command('oarlock');
  root
    .description('A workflow engine on plain files: apply a manifest, and what it says happens.')
    .version(version, '-V, --version', 'print the version')
    .option('--state <dir>', 'state directory (default: $OARLOCK_STATE, else ./state)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, helpWidth: Math.min(110, io.stdout.columns()) })
    .configureOutput({
      writeOut: (output) => io.stdout.write(output),
      writeErr: (output) => io.stderr.write(output),
      outputError: (output, write) => write(output),
    })
    .showHelpAfterError('(add --help to see usage and examples)')
    .addHelpText(
      'after',
      examples(
        ['oarlock run hello.yaml', 'run a workflow to its end; needs nothing else running'],
        ['oarlock up', 'start controller and workers, until Ctrl-C'],
        ['oarlock apply -f hello.yaml', 'register a workflow'],
        ['oarlock get runs', 'what runs and what ran'],
        ['oarlock why RUN NODE', 'why a task does not start'],
      ),
    );
  return root;
}

function verb(root: Command, usage: string, description: string, ...shown: [line: string, comment: string][]): Command {
  return root
    .command(usage)
    .description(description)
    .addHelpText('after', examples(...shown));
}

function examples(...shown: [line: string, comment: string][]): string {
  const width = Math.max(...shown.map(([line]) => line.length));
  return `\nExamples:\n${shown.map(([line, comment]) => `  $ ${line.padEnd(width)}  # ${comment}\n`).join('')}`;
}

// --- processes ---------------------------------------------------------------------------------

function addServing(root: Command, act: Act): void {
  const up = verb(
    root,
    'up',
    'Start the controller and workers as processes of their own, and start them again when they die.',
    ['oarlock up', 'two workers on ./state'],
    ['oarlock up --workers 4 --slots 8 --state /var/lib/oarlock', 'up to 32 tasks at once'],
  )
    .option('--workers <n>', 'worker processes', whole(1, 1_000), 2)
    .option('--slots <n>', 'tasks that each worker runs at once (default: one per CPU, at least 2)', whole(1, 10_000));
  act(up, async (session, options) =>
    (await import('./verbs/up.ts')).up(session, {
      workers: Number(options['workers']),
      slots: number(options['slots']),
    }),
  );

  const controller = verb(
    root,
    'controller',
    'Run a controller in this process: it decides what runs, and waits while another one does.',
    ['oarlock controller', 'decide for ./state'],
  ).addOption(lifelineOption());
  act(controller, async (session, options) =>
    (await import('./verbs/controller.ts')).controller(session, { hasLifeline: options['lifeline'] === true }),
  );

  const worker = verb(
    root,
    'worker',
    'Run a worker in this process: it takes tasks and runs them. SIGTERM lets running tasks end first.',
    ['oarlock worker', 'under the first free name of w1, w2, ...'],
    ['oarlock worker --name big --slots 16', 'under a name of your own'],
  )
    .option('--name <name>', 'name of the worker (default: the first free one of w1, w2, ...)')
    .option('--slots <n>', 'tasks at once (default: one per CPU, at least 2)', whole(1, 10_000))
    .addOption(lifelineOption());
  act(worker, async (session, options) =>
    (await import('./verbs/worker.ts')).worker(session, {
      name: text(options['name']),
      slots: number(options['slots']),
      hasLifeline: options['lifeline'] === true,
    }),
  );
}

/** Set by `up` for its children: end when standard input ends. */
function lifelineOption(): Option {
  return new Option('--lifeline', 'end when standard input ends').hideHelp();
}

// --- resources ---------------------------------------------------------------------------------

function addResources(root: Command, act: Act): void {
  const apply = verb(
    root,
    'apply',
    'Create objects from manifests, or change them to what the manifests say.',
    ['oarlock apply -f hello.yaml', 'one file, with one or more documents'],
    ['oarlock apply -f manifests/ -R', 'all .yaml, .yml and .json files below a directory'],
    ['generate | oarlock apply -f - --name nightly', 'from a pipe; a name for a document without one'],
  )
    .requiredOption('-f, --filename <file>', 'file, directory or - for standard input', collect)
    .option('-R, --recursive', 'also directories inside a directory')
    .option('--name <name>', 'name for a document that has none (default: the base name of its file)');
  act(apply, async (session, options) =>
    (await import('./verbs/apply.ts')).apply(session, {
      files: texts(options['filename']),
      isRecursive: options['recursive'] === true,
      name: text(options['name']),
    }),
  );

  const validate = verb(root, 'validate', 'Say what is wrong with manifests, with line and column. Changes nothing.', [
    'oarlock validate -f hello.yaml',
    'exit code 2 when it is not valid',
  ])
    .requiredOption('-f, --filename <file>', 'file, directory or - for standard input', collect)
    .option('-R, --recursive', 'also directories inside a directory')
    .option('--name <name>', 'name for a document that has none (default: the base name of its file)');
  act(validate, async (session, options) =>
    (await import('./verbs/validate.ts')).validate(session, {
      files: texts(options['filename']),
      isRecursive: options['recursive'] === true,
      name: text(options['name']),
    }),
  );

  const remove = verb(
    root,
    'delete',
    'Delete objects. A run that is active is stopped first.',
    ['oarlock delete workflow hello', 'one object'],
    ['oarlock delete run/hello-x7k2p run/hello-9d1fm', 'several'],
    ['oarlock delete -f hello.yaml', 'what a manifest names'],
  )
    .argument('[kind]', 'kind, or KIND/NAME')
    .argument('[name...]', 'names')
    .option('-f, --filename <file>', 'delete the objects that these manifests name', collect)
    .option('-R, --recursive', 'also directories inside a directory')
    .option('--ignore-not-found', 'what is not there is fine');
  act(remove, async (session, options, words) =>
    (await import('./verbs/delete.ts')).deleteObjects(session, {
      targets: words,
      files: texts(options['filename']),
      isRecursive: options['recursive'] === true,
      ignoreMissing: options['ignoreNotFound'] === true,
    }),
  );

  const get = verb(
    root,
    'get',
    'List objects, or print some of them.',
    ['oarlock get runs', 'a table'],
    ['oarlock get run hello-x7k2p -o json', 'one object with the state of every node'],
    ['oarlock get all', 'workflows, runs, tasks and signals'],
    ['oarlock get runs -w', 'go on printing what changes'],
    ['oarlock get runs -l team=data', 'only those with a label'],
  )
    .argument('<kind>', 'workflows, runs, tasks, signals, workers, taskleases, or all; also KIND/NAME')
    .argument('[name...]', 'names')
    .addOption(
      new Option('-o, --output <format>', 'how to print')
        .choices(['table', 'wide', 'json', 'yaml', 'name'])
        .default('table'),
    )
    .option('-w, --watch', 'after listing, print every change until Ctrl-C')
    .option('-l, --selector <labels>', 'only objects with these labels: key=value, key!=value, key, !key');
  act(get, async (session, options, words) =>
    (await import('./verbs/get.ts')).get(session, {
      words,
      output: text(options['output']) ?? 'table',
      isWatch: options['watch'] === true,
      selector: text(options['selector']),
    }),
  );

  const describe = verb(
    root,
    'describe',
    'Tell the story of an object: what was asked, what happened, what is wrong.',
    ['oarlock describe run hello-x7k2p', 'conditions, nodes, last transitions, errors'],
    ['oarlock describe workflow hello', 'its tasks and its runs'],
  )
    .argument('<kind>', 'kind, or KIND/NAME')
    .argument('[name...]', 'names');
  act(describe, async (session, _options, words) => (await import('./verbs/describe.ts')).describe(session, { words }));
}

// --- runs --------------------------------------------------------------------------------------

function addRuns(root: Command, act: Act): void {
  const run = verb(
    root,
    'run',
    'Run a workflow and follow it to its end. Starts what is needed for that long when nothing serves the state directory.',
    ['oarlock run hello.yaml', 'a file: applied first'],
    ['oarlock run hello --input \'{"day": "2026-11-20"}\'', 'a workflow that was applied'],
    ['oarlock run hello --input @input.json -o json', 'prints the finished run and nothing else'],
  )
    .argument('<file|workflow>', 'a manifest, or the name of a workflow')
    .option('--input <json|@file>', "the run's input")
    .option('--name <name>', 'name of the run (default: the name of the workflow and five random characters)')
    .option('--slots <n>', 'tasks at once when this command serves the directory itself', whole(1, 10_000))
    .addOption(
      new Option('-o, --output <format>', 'json: print the finished run').choices(['text', 'json']).default('text'),
    );
  act(run, async (session, options, [target = '']) =>
    (await import('./verbs/run.ts')).run(session, {
      target,
      input: text(options['input']),
      name: text(options['name']),
      slots: number(options['slots']),
      isJson: options['output'] === 'json',
    }),
  );

  const logs = verb(
    root,
    'logs',
    'Print what tasks wrote.',
    ['oarlock logs hello-x7k2p', 'all tasks, each line with the name of its task'],
    ['oarlock logs hello-x7k2p B -f', 'one task, and go on until it ends'],
    ['oarlock logs hello-x7k2p B --attempt 1', 'an earlier attempt'],
  )
    .argument('<run>', 'name of the run')
    .argument('[node]', 'id of a node')
    .option('-f, --follow', 'go on until the task (or the run) has ended')
    .option('--attempt <n>', 'which attempt (default: the newest)', whole(1, 1_000_000_000));
  act(logs, async (session, options, [name = '', node]) =>
    (await import('./verbs/logs.ts')).logs(session, {
      run: name,
      node: node ?? null,
      isFollow: options['follow'] === true,
      attempt: number(options['attempt']),
    }),
  );

  const why = verb(root, 'why', 'Say in order what a node waits for, or how it ended.', [
    'oarlock why hello-x7k2p D',
    'why D does not run',
  ])
    .argument('<run>', 'name of the run')
    .argument('<node>', 'id of a node');
  act(why, async (session, _options, [name = '', node = '']) =>
    (await import('./verbs/why.ts')).whyNode(session, { run: name, node }),
  );

  const history = verb(
    root,
    'history',
    'Print every transition of a run, in order.',
    ['oarlock history hello-x7k2p', 'a line each'],
    ['oarlock history hello-x7k2p -o json', 'for programs'],
  )
    .argument('<run>', 'name of the run')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'));
  act(history, async (session, options, [name = '']) =>
    (await import('./verbs/history.ts')).history(session, { run: name, isJson: options['output'] === 'json' }),
  );

  const graph = verb(
    root,
    'graph',
    'Print the graph of a run, or of a workflow.',
    ['oarlock graph hello', 'layer by layer'],
    ['oarlock graph hello-x7k2p -o dot | dot -Tsvg > run.svg', 'a picture, with Graphviz'],
  )
    .argument('<run|workflow>', 'name of a run, else of a workflow; also KIND/NAME')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'dot', 'json']).default('text'));
  act(graph, async (session, options, [target = '']) =>
    (await import('./verbs/graph.ts')).graph(session, { target, output: text(options['output']) ?? 'text' }),
  );
}

// --- steering ----------------------------------------------------------------------------------

function addSteering(root: Command, act: Act): void {
  const simple: readonly ['suspend' | 'resume' | 'cancel', string, string][] = [
    ['suspend', 'Let nothing new start in a run. What runs goes on.', 'running tasks end, nothing new starts'],
    ['resume', 'Go on with a suspended run.', 'go on'],
    ['cancel', 'Stop what runs and end the run as Cancelled.', 'stop it for good'],
  ];
  for (const [name, description, comment] of simple) {
    const command = verb(root, name, description, [`oarlock ${name} hello-x7k2p`, comment]).argument(
      '<run...>',
      'names of runs',
    );
    act(command, async (session, _options, names) => (await import('./verbs/steer.ts')).steer(session, name, names));
  }

  const restart = verb(root, 'restart', 'Run a node again, with all that follows it, also after the run has ended.', [
    'oarlock restart hello-x7k2p B',
    'B and what depends on it',
  ])
    .argument('<run>', 'name of the run')
    .argument('<node>', 'id of a node');
  act(restart, async (session, _options, [name = '', node = '']) =>
    (await import('./verbs/steer.ts')).restart(session, { run: name, node }),
  );

  const signal = verb(
    root,
    'signal',
    'Send a run what one of its nodes waits for: an event, an approval, an answer.',
    ['oarlock signal hello-x7k2p approved', 'without data'],
    ['oarlock signal hello-x7k2p approved --data \'{"by": "ann"}\'', 'the data become the output of the node'],
  )
    .argument('<run>', 'name of the run')
    .argument('<name>', 'name that the node waits for')
    .option('--data <json|@file>', 'any JSON');
  act(signal, async (session, options, [name = '', signalName = '']) =>
    (await import('./verbs/signal.ts')).signal(session, { run: name, name: signalName, data: text(options['data']) }),
  );
}

// --- values ------------------------------------------------------------------------------------

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function collect(value: string, previous: unknown): string[] {
  return [...texts(previous), value];
}

function whole(least: number, most: number): (value: string) => number {
  return (value) => {
    const parsed = Number(value);
    if (!/^\d+$/.test(value) || parsed < least || parsed > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    }
    return parsed;
  };
}
