// Is the API alive, and can it reach its store?

import type Router from 'koa-router';
import type { ApiDeps } from './deps.ts';
import { tryAgain } from './problem.ts';
import { versionInfo } from './resources/discovery.ts';

export function addHealth(router: Router, deps: ApiDeps): void {
  for (const path of ['/healthz', '/livez']) {
    router.get(path, (ctx) => {
      ctx.body = 'ok';
    });
  }
  router.get('/readyz', async (ctx) => {
    if (deps.stop.aborted) throw tryAgain('ServiceUnavailable', 'the API is ending');
    await deps.store.resources.revision();
    ctx.body = 'ok';
  });
  // For those who wait for something to happen: is there anybody who decides?
  router.get('/readyz/controller', async (ctx) => {
    ctx.body = { controller: (await deps.store.seats.isControllerAlive()) ? 'alive' : 'absent' };
  });
  router.get('/version', (ctx) => {
    ctx.body = versionInfo(deps.version);
  });
}
