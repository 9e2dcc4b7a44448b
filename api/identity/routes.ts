// Who am I, and what may I do: the reviews behind `kubectl auth`. Whoever has a token may do everything.

import type { Context } from 'koa';
import type Router from 'koa-router';
import { isObject, type Json, type JsonObject, textAt as jsonText } from '../../kernel/json.ts';
import type { Identity } from '../auth.ts';
import type { ApiDeps } from '../deps.ts';
import { badRequest } from '../problem.ts';
import type { BodyReader } from '../request.ts';
import { decodeData } from '../resources/decode.ts';
import { messageAt, readEnvelope, textAt } from './protobuf.ts';

const AUTHENTICATION = '/apis/authentication.k8s.io';
const AUTHORIZATION = '/apis/authorization.k8s.io/v1';
const REASON = 'whoever has a token may do everything';

export function addIdentity(router: Router, _deps: ApiDeps, bodies: BodyReader): void {
  for (const version of ['v1', 'v1beta1', 'v1alpha1']) {
    router.post(`${AUTHENTICATION}/${version}/selfsubjectreviews`, async (ctx) => {
      await readReview(ctx, bodies);
      const { username, tokenId } = ctx.state['identity'] as Identity;
      const extra = tokenId === '' ? {} : { 'oarlock.dev/token-id': [tokenId] };
      const userInfo = { username, groups: ['system:authenticated'], extra };
      answer(ctx, 'SelfSubjectReview', `authentication.k8s.io/${version}`, { status: { userInfo } });
    });
  }
  router.post(`${AUTHORIZATION}/selfsubjectaccessreviews`, async (ctx) => {
    const spec = await readReview(ctx, bodies);
    answer(ctx, 'SelfSubjectAccessReview', 'authorization.k8s.io/v1', {
      spec,
      status: { allowed: true, reason: REASON },
    });
  });
  router.post(`${AUTHORIZATION}/selfsubjectrulesreviews`, async (ctx) => {
    const spec = await readReview(ctx, bodies);
    const resourceRules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
    const nonResourceRules = [{ verbs: ['*'], nonResourceURLs: ['*'] }];
    answer(ctx, 'SelfSubjectRulesReview', 'authorization.k8s.io/v1', {
      spec,
      status: { incomplete: false, resourceRules, nonResourceRules },
    });
  });
}

function answer(ctx: Context, kind: string, apiVersion: string, rest: JsonObject): void {
  ctx.status = 201;
  ctx.body = { kind, apiVersion, metadata: {}, ...rest };
}

/** The spec of the review that was posted, as JSON or protobuf. */
async function readReview(ctx: Context, bodies: BodyReader): Promise<JsonObject> {
  const body = await bodies.read(ctx, ['json', 'yaml', 'protobuf']);
  if (body.type === 'protobuf') return fromProtobuf(body.bytes);
  const value: Json = await decodeData(body);
  if (!isObject(value) || jsonText(value, 'kind') === '')
    throw badRequest('body: expected a review with apiVersion and kind');
  return isObject(value['spec']) ? value['spec'] : {};
}

const RESOURCE_FIELDS = ['namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'];

function fromProtobuf(bytes: Buffer): JsonObject {
  const read = readEnvelope(bytes);
  if (read === null) throw badRequest('body: expected a message in the protobuf of Kubernetes');
  const spec = messageAt(read.object, 2);
  switch (read.kind) {
    case 'SelfSubjectReview':
      return {};
    case 'SelfSubjectRulesReview':
      return { namespace: textAt(spec, 1) };
    case 'SelfSubjectAccessReview': {
      const [resource, path] = [messageAt(spec, 1), messageAt(spec, 2)];
      if (path.size > 0) return { nonResourceAttributes: { path: textAt(path, 1), verb: textAt(path, 2) } };
      const named = RESOURCE_FIELDS.map((name, index): [string, string] => [name, textAt(resource, index + 1)]);
      return { resourceAttributes: Object.fromEntries(named.filter(([, value]) => value !== '')) };
    }
    default:
      throw badRequest(`body: expected a review, found ${JSON.stringify(read.kind.slice(0, 100))}`);
  }
}
