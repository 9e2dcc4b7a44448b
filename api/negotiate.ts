// What form of answer a client asks for: objects, Tables, or neither of what there is.

import type { Context } from 'koa';
import { ApiError } from './problem.ts';

export interface Form {
  /** The version of meta.k8s.io that a Table is asked in; null: objects. */
  readonly table: 'v1' | 'v1beta1' | null;
}

const ANY = new Set(['*/*', 'application/*', 'application/json']);

/** Takes the first that can be served. */
export function negotiate(ctx: Context): Form {
  const accept = ctx.get('Accept');
  if (accept === '') return { table: null };
  for (const part of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim());
    if (!ANY.has(type)) continue;
    const named = new Map(parameters.map((text) => text.split('=', 2) as [string, string]));
    const as = named.get('as');
    if (as === undefined) return { table: null };
    const version = named.get('v');
    if (as === 'table' && named.get('g') === 'meta.k8s.io' && (version === 'v1' || version === 'v1beta1')) {
      return { table: version };
    }
  }
  throw new ApiError(
    'NotAcceptable',
    `Accept: expected application/json, found ${JSON.stringify(accept.slice(0, 200))}`,
  );
}

/** For text answers: logs, graphs, metrics. */
export function requireAccept(ctx: Context, ...types: readonly string[]): void {
  const accept = ctx.get('Accept');
  if (accept === '' || accept.includes('*/*') || types.some((type) => accept.includes(type))) return;
  throw new ApiError(
    'NotAcceptable',
    `Accept: expected ${types.join(' or ')}, found ${JSON.stringify(accept.slice(0, 200))}`,
  );
}
