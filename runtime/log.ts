// What the engine says about itself: one line a message on stderr, plain for people or JSON for machines.
//
// Not the output of tasks (that goes to log files of the run) and not the answers of the command line (stdout).
// A line never contains a newline, so that no text of a task or a file can fake a second one.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = { readonly [key: string]: string | number | boolean | null | undefined };

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields that stand on every line. */
  with(fields: LogFields): Log;
}

export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default `plain`. */
  readonly format?: 'plain' | 'json';
  /** Default stderr. */
  readonly write?: (line: string) => void;
  readonly wall?: () => number;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export function createLog(options: LogOptions = {}, context: LogFields = {}): Log {
  const least = RANK[options.level ?? 'info'];
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const wall = options.wall ?? Date.now;
  const say = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (RANK[level] < least) return;
    const time = new Date(wall()).toISOString();
    const all = { ...context, ...fields };
    write(
      options.format === 'json'
        ? `${JSON.stringify({ time, level, message, ...all })}\n`
        : plain(time, level, message, all),
    );
  };
  return {
    debug: (message, fields) => say('debug', message, fields),
    info: (message, fields) => say('info', message, fields),
    warn: (message, fields) => say('warn', message, fields),
    error: (message, fields) => say('error', message, fields),
    with: (fields) => createLog(options, { ...context, ...fields }),
  };
}

function plain(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        `${key}=${typeof value === 'string' && !/^[\w./:@-]+$/.test(value) ? JSON.stringify(value) : value}`,
    );
  const line = [time, level.toUpperCase().padEnd(5), message, ...parts].join(' ');
  return `${line.replace(/[\r\n]+/g, ' | ')}\n`;
}
