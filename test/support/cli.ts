// The command line's outside world for tests: streams that remember, a made-up environment.

import type { Io, OutputStream } from '../../cli/io.ts';
import { runProgram } from '../../cli/program/program.ts';
import type { Doors } from '../../cli/session.ts';

export class Pipe implements OutputStream {
  readonly isTerminal = false;
  text = '';
  writes = 0;
  columns = (): number => 80;
  rows = (): number => 24;
  write(data: string | Uint8Array): void {
    this.writes += 1;
    this.text += typeof data === 'string' ? data : new TextDecoder().decode(data);
  }
}

/** Everything that can go on without time passing has gone on. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliWorld {
  readonly stdin?: string | Uint8Array;
  readonly env?: { readonly [name: string]: string };
  readonly prompt?: Io['prompt'];
  readonly workingDir?: string;
  readonly openStore?: Doors['openStore'];
}

/** One command line in this process. */
export async function cli(argv: readonly string[], world: CliWorld = {}): Promise<CliResult> {
  const { stdin = '' } = world;
  const stdout = new Pipe();
  const stderr = new Pipe();
  const io: Io = {
    stdout,
    stderr,
    env: world.env ?? {},
    workingDir: world.workingDir ?? process.cwd(),
    prompt: world.prompt ?? null,
    readStdin: () => Promise.resolve(typeof stdin === 'string' ? new TextEncoder().encode(stdin) : stdin),
    onReaderGone: () => undefined,
    onInterrupt: () => () => undefined,
    flushed: () => Promise.resolve(),
    leave: (exitCode) => {
      throw new Error(`left with ${exitCode}`);
    },
  };
  let digits = 0;
  const doors: Doors = {
    openStore: world.openStore ?? (() => Promise.reject(new Error('this command line needs no store'))),
    random: () =>
      Promise.resolve({
        hex: (length) => String((digits += 1)).padStart(length, '0'),
        uuid: () => '00000000-0000-4000-8000-000000000000',
      }),
  };
  const exitCode = await runProgram({ io, doors, version: '0.0.0' }, argv);
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
