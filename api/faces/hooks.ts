// Callbacks from outside: POST /hooks/{token} answers a task that waits for its token, without an account here.
//
// The token is the credential (manifests/states/token.ts): it names the run and cannot be guessed. What comes in becomes a Signal, as if
// somebody with a token of the API had made it.
//
// H1  whatever is wrong with a token, the answer is the same, and comes after the same while: nobody learns which runs there are.
// H2  nothing of the body is read before the token is known to be good, and only so many tokens are looked at at once.
// H3  the same answer twice is one Signal; a second one that says something else is refused.

import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import type Router from 'koa-router';
import { StoreError } from '../../kernel/errors.ts';
import type { Json } from '../../kernel/json.ts';
import { isTerminal } from '../../kernel/node.ts';
import type { Run } from '../../kernel/run.ts';
import { isBeat } from '../../kernel/decide.ts';
import { API_VERSION } from '../../manifests/model.ts';
import { runOfToken } from '../../manifests/states/token.ts';
import { visitOf } from '../../manifests/states/visit.ts';
import { findRun, foldedRun } from '../core/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { ApiError, tryAgain } from '../problem.ts';
import { type BodyReader, queryOf } from '../request.ts';
import { decodeData, decodeValue } from '../resources/decode.ts';
import { hasEnded } from '../resources/rules.ts';
import { param } from '../resources/routes.ts';

const HOOKS = '/hooks/';
const BODY_LIMIT_BYTES = 1024 * 1024;
/** Tokens that are looked at at the same time; a bad one keeps its place for all of its while. */
const AT_ONCE = 16;
const MISS_MS = 250;

/** Needs no token of the API. */
export function isHook(path: string): boolean {
  return path.startsWith(HOOKS) && path.length > HOOKS.length;
}

/** The path as it may stand in a log. */
export function withoutToken(path: string): string {
  return isHook(path) ? `${HOOKS}***` : path;
}

export function addHooks(router: Router, deps: ApiDeps, bodies: BodyReader): void {
  let busy = 0;
  router.post(`${HOOKS}:token`, async (ctx) => {
    queryOf(ctx, []);
    if (busy >= AT_ONCE) throw tryAgain('TooManyRequests', 'too many callbacks at once');
    busy += 1;
    try {
      await deliver(deps, ctx, bodies);
    } finally {
      busy -= 1;
    }
  });
}

async function deliver(deps: ApiDeps, ctx: Context, bodies: BodyReader): Promise<void> {
  const token = param(ctx, 'token');
  const begun = deps.store.clock.now().time;
  const run = await runWaitingFor(deps, token);
  if (run === null) {
    const left = MISS_MS - (deps.store.clock.now().time - begun);
    await new Promise<void>((resolve) => deps.store.clock.after(Math.max(0, left), resolve));
    throw new ApiError('NotFound', 'nothing waits for this token');
  }
  const body = await bodies.read(ctx, ['json'], BODY_LIMIT_BYTES);
  const data = body.bytes.length === 0 ? null : await decodeData({ ...body, type: 'json' });
  await createSignal(deps, run, token, data);
  ctx.status = 202;
  ctx.body = { accepted: true };
}

/** The name of the run in which somebody waits for it, or will as soon as the function that was given it has ended. */
async function runWaitingFor(deps: ApiDeps, token: string): Promise<string | null> {
  const name = runOfToken(token);
  const object = name === null ? null : await findRun(deps.store, name);
  if (name === null || object === null || hasEnded(object)) return null;
  const run = await foldedRun(deps.store, object);
  return run !== null && isExpected(run, token) ? name : null;
}

function isExpected(run: Run, token: string): boolean {
  if (run.end !== null) return false;
  if (run.signalWaits.has(token)) return true;
  for (const node of run.nodes.values()) if (!isTerminal(node.state) && visitOf(node)?.token === token) return true;
  return false;
}

async function createSignal(deps: ApiDeps, run: string, token: string, data: Json): Promise<void> {
  const answer = `hook-${createHash('sha256').update(token).digest('hex').slice(0, 32)}`;
  // A sign of life is no answer: another may come, and the answer after it. One that stands says as much as many.
  const name = isBeat(data) ? `${answer}.beat` : answer;
  const value = { apiVersion: API_VERSION, kind: 'Signal', metadata: { name }, spec: { run, name: token, data } };
  const { manifest } = await decodeValue(value, { kind: 'Signal', validation: 'Strict' });
  try {
    await deps.store.resources.create(manifest);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'AlreadyExists') throw error;
    const standing = await deps.store.resources.get('Signal', name);
    // Said again word by word, as somebody does who did not hear the answer.
    const isSame = standing === null || JSON.stringify(standing.spec) === JSON.stringify(manifest.spec);
    if (!isSame) throw new ApiError('Conflict', 'another answer was given before');
  }
}
