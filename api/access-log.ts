// One line a request, without secrets: no headers, no query, no body, no token of a callback. What changes something is told in any case, reading only to those
// who debug.

import { performance } from 'node:perf_hooks';
import type { Context, Next } from 'koa';
import type { Identity } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { withoutToken } from './faces/hooks.ts';

export function logRequests(deps: ApiDeps) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const begun = performance.now();
    ctx.res.once('close', () => {
      const identity = ctx.state['identity'] as Identity | undefined;
      const isChange = ctx.method !== 'GET' && ctx.method !== 'HEAD';
      deps.log[isChange ? 'info' : 'debug']('request', {
        method: ctx.method,
        path: withoutToken(ctx.path),
        code: ctx.res.statusCode,
        ms: Math.round((performance.now() - begun) * 10) / 10,
        subject: identity?.username,
        isComplete: ctx.res.writableFinished,
      });
    });
    await next();
  };
}
