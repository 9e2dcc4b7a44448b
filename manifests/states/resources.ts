// What the `resource` of a Task state says: which function it runs, how it is called, and whether it waits for a callback.
//
// A function goes by its ARN or its name: `arn:aws:lambda:REGION:ACCOUNT:function:NAME` is known as NAME, too.

import type { JsonObject } from '../../kernel/json.ts';
import { isJsonataText } from './choice.ts';

const INVOKE = /^arn:[^:]*:states:[^:]*:[^:]*:lambda:invoke(\.|$)/;
const CALLBACK = '.waitForTaskToken';

/** Parameters hold FunctionName and Payload. */
export function isInvoke(resource: string): boolean {
  return INVOKE.test(resource);
}

export function waitsForToken(resource: string): boolean {
  return resource.endsWith(CALLBACK);
}

/** What the state runs, as it is known before the run starts; null when the name of the function is computed. */
export function functionOf(state: JsonObject): string | null {
  const resource = state['resource'];
  if (typeof resource !== 'string') return null;
  if (!isInvoke(resource)) return resource.replace(/\.(waitForTaskToken|sync(:2)?)$/, '');
  for (const place of ['parameters', 'arguments']) {
    const values = state[place];
    const name =
      typeof values === 'object' && values !== null && !Array.isArray(values) ? values['FunctionName'] : undefined;
    if (typeof name === 'string' && !isJsonataText(name)) return name;
  }
  return null;
}

/** The names under which a function may be known: as it stands, then without what is around its name. */
export function namesOfFunction(name: string): string[] {
  const [, short] = /^arn:[^:]*:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(name) ?? [];
  return short === undefined || short === name ? [name] : [name, short];
}
