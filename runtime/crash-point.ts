// A seam for tests: this process kills itself at one named file operation, or tells all of them. Nothing else may read these variables.
//
//   OARLOCK_CRASH_AT=MOMENT:OPERATION:N:PATTERN   SIGKILL before or after the N-th OPERATION on a path that matches, as in
//                                                 after:rename:2:\.claim\. , told on stderr
//   OARLOCK_CRASH_TRACE=1                         each operation as a line `crash-point OPERATION PATH` on stderr
//
// Operations are those of store/file/disk.ts. Without the variables there is no hook, and nothing costs anything.

type Hook = (moment: 'before' | 'after', operation: string, path: string) => void;

const POINT = /^(before|after):([a-z]+):([1-9]\d*):(.+)$/;

export function crashHooks(env: { readonly [name: string]: string | undefined }): { readonly onOperation?: Hook } {
  const point = env['OARLOCK_CRASH_AT'];
  if (point !== undefined) return { onOperation: crashAt(point) };
  return env['OARLOCK_CRASH_TRACE'] === undefined ? {} : { onOperation: tell };
}

function crashAt(point: string): Hook {
  const [, when, what, nth, pattern] = POINT.exec(point) ?? [];
  if (pattern === undefined) throw new Error(`OARLOCK_CRASH_AT: expected MOMENT:OPERATION:N:PATTERN, found "${point}"`);
  const where = new RegExp(pattern);
  let left = Number(nth);
  return (moment, operation, path) => {
    if (moment !== when || operation !== what || !where.test(path)) return;
    left -= 1;
    if (left !== 0) return;
    tell('before', operation, path);
    process.kill(process.pid, 'SIGKILL');
  };
}

function tell(moment: 'before' | 'after', operation: string, path: string): void {
  if (moment === 'before') process.stderr.write(`crash-point ${operation} ${path}\n`);
}
