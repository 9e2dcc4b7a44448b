// How a serving process is told to end: a signal from a person or from `up`, or the death of `up` itself.
//
// E1  a child of `up` holds the reading end of a pipe as its standard input; when that ends, `up` is dead, whatever killed it, and the
//     child leaves at once. That is as safe as kill -9: attempts go on in their slots.
// E2  a child of `up` ignores SIGINT: Ctrl-C reaches the whole terminal, and `up` says when each of its children is to end.

import type { Io } from './io.ts';

export function untilStopped(io: Io, hasLifeline: boolean): AbortSignal {
  const stop = new AbortController();
  if (hasLifeline) {
    process.on('SIGINT', () => undefined);
    process.once('SIGTERM', () => stop.abort());
    process.stdin.on('error', () => io.leave(1));
    process.stdin.on('close', () => io.leave(1));
    process.stdin.resume();
    return stop.signal;
  }
  let times = 0;
  io.onInterrupt(() => {
    times += 1;
    if (times > 1) io.leave(130);
    stop.abort();
  });
  return stop.signal;
}
