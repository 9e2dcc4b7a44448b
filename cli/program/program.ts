// The verbs, their options and their help: with the files beside it the only importer of commander. A verb's code is loaded when it runs, so that
// `--help` and wrong usage cost no more than this file.
//
// Owns: words on the command line. Does not own: what a verb does (verbs/), exit codes of failures (failure.ts).

import { Command, CommanderError } from 'commander';
import { type ExitCode, explain } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Doors, serverOf, Session, stateDirOf, storeUrlOf } from '../session.ts';
import { examples, type Options, text } from './command.ts';
import { addAccess } from './access.ts';
import { addResources } from './objects.ts';
import { addRuns } from './runs.ts';
import { addServing } from './serving.ts';
import { addSteering } from './steering.ts';

/** What a verb needs from the outside besides the store. */
export interface Program {
  readonly io: Io;
  readonly doors: Doors;
  readonly version: string;
}

const WORKING_VERBS: ReadonlySet<string> = new Set(['up', 'controller', 'worker', 'api', 'run']);

/** They work on the state directory and never through an API. */
const LOCAL_VERBS: ReadonlySet<string> = new Set(['up', 'controller', 'worker', 'api', 'token', 'kubeconfig']);

/** Runs one command line (without `node` and the script) and returns the exit code; never throws. */
export async function runProgram(program: Program, argv: readonly string[]): Promise<ExitCode> {
  const { io } = program;
  let exitCode: ExitCode = 0;
  const root = rootCommand(program);

  /** Ties a command to its verb: opens a session around it and turns what it throws into an exit code. */
  const act = (command: Command, body: (session: Session, options: Options, words: string[]) => Promise<ExitCode>) => {
    command.action(async () => {
      const options: Options = command.optsWithGlobals();
      const isLocal = LOCAL_VERBS.has(command.name()) || LOCAL_VERBS.has(command.parent?.name() ?? '');
      const server = isLocal ? undefined : serverOf(io, options);
      if (isLocal && text(options['server']) !== undefined) {
        io.stderr.write(`error: ${command.name()} needs the state directory itself\nleave out --server\n`);
        exitCode = 2;
        return;
      }
      const place =
        server === undefined ? stateDirOf(io, text(options['state'])) : { stateDir: '', stateName: server.url };
      let session: Session | null = null;
      // A verb that only prints has nothing more to do when nobody reads; one that serves or runs goes on.
      if (!WORKING_VERBS.has(command.name())) io.onReaderGone(() => io.leave(0));
      try {
        const storeUrl = server === undefined ? storeUrlOf(io, text(options['store'])) : undefined;
        session = new Session({ io, doors: program.doors, server, storeUrl, ...place });
        exitCode = await body(session, options, command.args);
      } catch (error) {
        const explained = explain(error);
        io.stderr.write(explained.text);
        exitCode = explained.exitCode;
      } finally {
        await session?.close();
      }
    });
  };

  addRuns(root, act);
  addSteering(root, act);
  addResources(root, act);
  addServing(root, act, program.version);
  addAccess(root, act);

  try {
    await root.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has already said what is wrong, or printed the help that was asked for.
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

function rootCommand({ io, version }: Program): Command {
  const root = new Command('oarlock');
  root
    .description('A workflow engine on plain files: apply a manifest, and what it says happens.')
    .version(version, '-V, --version', 'print the version')
    .option('--state <dir>', 'state directory (default: $OARLOCK_STATE, else ./state)')
    .option('--store <url>', 'Postgres instead of files: postgres://... or embedded-postgres (default: $OARLOCK_STORE)')
    .option('--server <url>', 'go through the API there instead of a state directory (default: $OARLOCK_SERVER)')
    .option('--token <token>', 'token for that API (default: $OARLOCK_TOKEN)')
    .option('--ca <file>', 'authority of its certificate, for https (default: $OARLOCK_CA)')
    .helpCommand(false)
    .usage('VERB [options]')
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
        ['oarlock up', 'start controller, workers and API, until Ctrl-C'],
        ['oarlock apply -f hello.yaml', 'register a workflow'],
        ['oarlock get runs', 'what runs and what ran'],
        ['oarlock why RUN NODE', 'why a task does not start'],
      ),
    );
  return root;
}
