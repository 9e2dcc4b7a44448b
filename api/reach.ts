// Does an API answer at the address that was announced? What was killed had no time to say that it does no more.
//
// Does not own: who answers there, which its certificate and its token tell.

import { connect } from 'node:net';

const REACH_MS = 2_000;

export function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), timeout: REACH_MS });
    const done = (isThere: boolean) => (): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', done(true)).once('error', done(false)).once('timeout', done(false));
  });
}
