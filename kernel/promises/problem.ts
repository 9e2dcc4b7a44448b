// Is a promise one that can be kept, as it is written? Words for promises, too: in refusals a promise stands as in a manifest.

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import type { PromiseSpec } from './promise.ts';
import { namesIn, parseShape, ShapeSyntaxError } from './shape.ts';

/** What a shape may name. */
export interface KnownNames {
  isNode(id: string): boolean;
  /** A template, or a task that nodes are of. */
  isTask(name: string): boolean;
}

const MEANINGS = ['noNewNodes', 'noNewEdges', 'noNewDisplay', 'only', 'noEdges', 'shape'] as const;

/** Null when it is well written, else what is wrong. */
export function promiseProblem(spec: PromiseSpec, known: KnownNames): string | null {
  const meanings = MEANINGS.filter((name) => spec[name] !== undefined);
  if (meanings.length !== 1)
    return `expected one of ${MEANINGS.join(', ')}, found ${meanings.length === 0 ? 'none' : meanings.join(' and ')}`;
  const { only, noEdges } = spec;
  if (only !== undefined && only.atLeast !== undefined && only.atLeast > (only.atMost ?? only.atLeast))
    return `only: expected atLeast to be at most ${only.atMost}, found ${only.atLeast}`;
  if (noEdges !== undefined && noEdges.from === undefined && noEdges.to === undefined)
    return 'noEdges: expected from or to; for all edges there is noNewEdges';
  if (spec.shape !== undefined) return shapeProblem(spec.shape, spec, known);
  return spec.from === undefined && spec.to === undefined ? null : 'expected from and to only beside shape';
}

function shapeProblem(shape: string, { from, to, by }: PromiseSpec, known: KnownNames): string | null {
  if (by !== undefined) return 'expected no by beside shape: it speaks of the graph, whoever made it';
  if ((from === undefined) !== (to === undefined)) return 'expected from and to, or neither';
  for (const end of [from, to]) if (end !== undefined && !known.isNode(end)) return `no node "${end}"`;
  if (from !== undefined && from === to) return 'expected from and to to be different';
  try {
    for (const part of namesIn(parseShape(shape))) {
      const { name, parent } = part;
      if (name === from || name === to)
        return `shape "${shape}": expected only what lies between "${from}" and "${to}", found "${name}"`;
      if (known.isTask(name)) continue;
      if (!known.isNode(name)) return `shape "${shape}": no node and no template "${name}"`;
      for (let outer = parent; outer !== null; outer = outer.parent)
        if (outer.kind === 'copies' && outer.max !== 1)
          return `shape "${shape}": "${name}" is a node, so there are no copies of it`;
    }
    return null;
  } catch (error) {
    if (error instanceof ShapeSyntaxError) return error.message;
    throw error;
  }
}

/** A promise in the words in which it is written. */
export function promiseText(spec: PromiseSpec): string {
  return flow(spec as unknown as Json);
}

function flow(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (isObject(value))
    return `{${Object.entries(value)
      .map(([name, inner]) => `${name}: ${flow(inner)}`)
      .join(', ')}}`;
  return typeof value === 'string' && /^[\w./-]+$/.test(value) ? value : JSON.stringify(value);
}
