// The outside of the command line: where text goes to and comes from. Tests give their own; nothing else in cli/
// touches process.stdout, process.stderr or process.stdin.

import { createInterface } from 'node:readline';

export interface OutputStream {
  write(data: string | Uint8Array): void;
  readonly isTerminal: boolean;
  /** Size of the screen, read anew each time; 80 by 24 when it is not known. */
  columns(): number;
  rows(): number;
}

export interface Io {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: { readonly [name: string]: string | undefined };
  readonly workingDir: string;
  /** Asks one question of whoever sits at the terminal; its answer, null after Ctrl-C or Ctrl-D. Null: nobody sits there. */
  readonly prompt: ((question: string) => Promise<string | null>) | null;
  /** All of standard input. */
  readStdin(): Promise<Uint8Array>;
  /** Calls back when the other end of a pipe was closed (`oarlock get runs | head -1`): what is written then is lost. */
  onReaderGone(callback: () => void): void;
  /** Calls back for each Ctrl-C and SIGTERM, instead of the process ending. The returned function gives that up. */
  onInterrupt(callback: () => void): () => void;
  /** Ends the process now, whatever is going on. */
  leave(exitCode: number): void;
  /** Resolves once everything that was written has left this process, or nobody reads it. */
  flushed(): Promise<void>;
}

export function processIo(): Io {
  const readerGone: (() => void)[] = [];
  const lost = (): void => {
    for (const callback of readerGone) callback();
  };
  return {
    stdout: outputStream(process.stdout, lost),
    stderr: outputStream(process.stderr, lost),
    env: process.env,
    workingDir: process.cwd(),
    prompt: process.stdin.isTTY ? askOnTerminal : null,
    async readStdin() {
      const chunks: Uint8Array[] = [];
      for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    },
    onReaderGone: (callback) => void readerGone.push(callback),
    onInterrupt(callback) {
      process.on('SIGINT', callback).on('SIGTERM', callback);
      return () => void process.off('SIGINT', callback).off('SIGTERM', callback);
    },
    leave: (exitCode) => process.exit(exitCode),
    async flushed() {
      // A write to a pipe that is full goes on in the background, and process.exit would cut it off.
      await Promise.all([process.stdout, process.stderr].map(emptied));
    },
  };
}

/** On stderr: what is on stdout may be read by a program. */
function askOnTerminal(question: string): Promise<string | null> {
  return new Promise((resolve) => {
    const line = createInterface({ input: process.stdin, output: process.stderr });
    line.once('close', () => resolve(null));
    line.once('SIGINT', () => {
      process.stderr.write('\n');
      line.close();
    });
    line.question(question, (answer) => {
      resolve(answer);
      line.close();
    });
  });
}

function emptied(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}

function outputStream(stream: NodeJS.WriteStream, onLost: () => void): OutputStream {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    onLost();
  });
  return {
    write(data) {
      stream.write(data);
    },
    isTerminal: stream.isTTY === true,
    columns: () => stream.columns ?? 80,
    rows: () => stream.rows ?? 24,
  };
}
