// What promises mean, written down naively: sets, all pairs, all paths. The table of the kernel is checked against this.
//
// Owns: is a change allowed? By definition, from the graph before and after it. Shares no code with kernel/promises/ but the reader of shapes
// and the types of what is written.

import type { OnlySpec, PromiseSpec, Selector } from '../../kernel/promises/promise.ts';
import { type Part, parseShape } from '../../kernel/promises/shape.ts';

export interface PlainNode {
  readonly id: string;
  readonly task: string | null;
  /** The node that added it. */
  readonly by: string | null;
  isStarted: boolean;
}

/** A graph as plain data, and what was promised: each promise with how many nodes were there when it was made. */
export interface Plain {
  readonly nodes: Map<string, PlainNode>;
  readonly edges: Set<string>;
  readonly promises: { readonly spec: PromiseSpec; readonly since: number }[];
  readonly templates: ReadonlySet<string>;
}

export interface PlainChange {
  readonly by: string;
  readonly nodes: readonly {
    readonly id: string;
    readonly task: string | null;
    readonly dependencies: readonly string[];
  }[];
  readonly edges: readonly (readonly [string, string])[];
}

export function edgeKey(from: string, to: string): string {
  return `${from} ${to}`;
}

export function ends(edge: string): [string, string] {
  return edge.split(' ') as [string, string];
}

export function copyOf({ nodes, edges, promises, templates }: Plain): Plain {
  return {
    nodes: new Map(Array.from(nodes, ([id, node]) => [id, { ...node }])),
    edges: new Set(edges),
    promises: [...promises],
    templates,
  };
}

export function withChange(before: Plain, change: PlainChange): Plain {
  const after = copyOf(before);
  for (const { id, task, dependencies } of change.nodes) {
    after.nodes.set(id, { id, task, by: change.by, isStarted: false });
    for (const from of dependencies) after.edges.add(edgeKey(from, id));
  }
  for (const [from, to] of change.edges) after.edges.add(edgeKey(from, to));
  return after;
}

/** All pairs (from, to) with a path. */
export function paths({ nodes, edges }: Plain): Set<string> {
  const next = new Map<string, string[]>();
  for (const edge of edges) {
    const [from, to] = ends(edge);
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const all = new Set<string>();
  for (const from of nodes.keys()) {
    const reached = new Set(next.get(from));
    for (const one of reached) for (const to of next.get(one) ?? []) reached.add(to);
    for (const to of reached) all.add(edgeKey(from, to));
  }
  return all;
}

/** 'no' is a plain refusal, 'broken' breaks a promise. */
export function verdict(before: Plain, change: PlainChange): 'yes' | 'no' | 'broken' {
  const after = withChange(before, change);
  const order = paths(after);
  if ([...after.nodes.keys()].some((id) => order.has(edgeKey(id, id)))) return 'no';
  const fresh = [...after.edges].filter((edge) => !before.edges.has(edge));
  if (fresh.some((edge) => before.nodes.get(ends(edge)[1])?.isStarted === true)) return 'no';
  const isKept = after.promises.every(({ spec, since }) => keeps(spec, since, before, after, change, fresh));
  return isKept ? 'yes' : 'broken';
}

function keeps(
  spec: PromiseSpec,
  since: number,
  before: Plain,
  after: Plain,
  change: PlainChange,
  fresh: readonly string[],
): boolean {
  if (spec.shape !== undefined) return fits(spec, after) && staysApart(spec, before, after);
  const node = (id: string): PlainNode => after.nodes.get(id) as PlainNode;
  if (spec.by !== undefined && !means(spec.by, node(change.by))) return true;
  const links = fresh.map(ends).map(([from, to]) => ({ from: node(from), to: node(to) }));
  const isLike = (ends_: { from?: Selector; to?: Selector }) => (link: { from: PlainNode; to: PlainNode }) =>
    (ends_.from === undefined || means(ends_.from, link.from)) && (ends_.to === undefined || means(ends_.to, link.to));
  if (spec.noNewNodes === true) return change.nodes.length === 0;
  if (spec.noNewEdges === true) return links.length === 0;
  if (spec.noEdges !== undefined) return !links.some(isLike(spec.noEdges));
  const only = spec.only as OnlySpec;
  const isOurs = (by: string | null): boolean =>
    by !== null && (only.each === true ? by === change.by : spec.by === undefined || means(spec.by, node(by)));
  const count = [...after.nodes.values()].slice(since).filter(({ by }) => isOurs(by)).length;
  return (
    change.nodes.every(({ id }) => only.nodes === undefined || only.nodes.some((one) => means(one, node(id)))) &&
    links.every((link) => only.edges === undefined || only.edges.some((one) => isLike(one)(link))) &&
    (change.nodes.length === 0 || count <= (only.atMost ?? Number.POSITIVE_INFINITY))
  );
}

export function means(
  selector: Selector,
  { id, task }: { readonly id: string; readonly task: string | null },
): boolean {
  const pattern = typeof selector === 'string' ? selector : 'node' in selector ? selector.node : undefined;
  if (pattern === undefined) return task === (selector as { task: string }).task;
  const letters = pattern
    .split('')
    .map((one) => (one === '*' ? '.*' : one === '?' ? '.' : one.replace(/[^\w]/, '\\$&')));
  return new RegExp(`^${letters.join('')}$`, 's').test(id);
}

// --- shapes --------------------------------------------------------------------------------------

/** Nodes that a shape speaks of. */
function members({ from, to }: PromiseSpec, plain: Plain): PlainNode[] {
  const order = paths(plain);
  return [...plain.nodes.values()].filter(
    ({ id }) => from === undefined || to === undefined || (order.has(edgeKey(from, id)) && order.has(edgeKey(id, to))),
  );
}

function nameOf(part: Part, node: PlainNode, templates: ReadonlySet<string>): boolean {
  return templates.has(part.name) ? node.task === part.name : node.id === part.name;
}

function names(part: Part): Part[] {
  return part.kind === 'name' ? [part] : part.parts.flatMap(names);
}

export function fits(spec: PromiseSpec, plain: Plain): boolean {
  const order = paths(plain);
  const filled = (part: Part, nodes: readonly PlainNode[]): PlainNode[] =>
    nodes.filter((node) => names(part).some((name) => nameOf(name, node, plain.templates)));
  const precedes = (left: PlainNode, right: PlainNode): boolean => order.has(edgeKey(left.id, right.id));
  const isApart = (left: readonly PlainNode[], right: readonly PlainNode[]): boolean =>
    left.every((one) => right.every((other) => !precedes(one, other) && !precedes(other, one)));
  const isWhole = (part: Part, nodes: readonly PlainNode[]): boolean => {
    const inner = part.parts.map((one) => filled(one, nodes));
    const pairs = inner.flatMap((left, index) => inner.slice(index + 1).map((right) => [left, right] as const));
    switch (part.kind) {
      case 'name':
        return nodes.length <= 1;
      case 'sequence':
        if (!pairs.every(([left, right]) => left.every((one) => right.every((other) => precedes(one, other)))))
          return false;
        break;
      case 'beside':
        if (!pairs.every(([left, right]) => isApart(left, right))) return false;
        break;
      case 'choice':
        if (inner.filter((one) => one.length > 0).length > 1) return false;
        break;
      case 'copies': {
        const copies = copiesIn(part, nodes, plain);
        if (part.max !== null && copies.length > part.max) return false;
        const isSide = copies.every((left, index) => copies.slice(index + 1).every((right) => isApart(left, right)));
        const isLine = copies.every((left, index) =>
          copies
            .slice(index + 1)
            .every((right) =>
              left.every((one) => right.every((other) => precedes(one, other) || precedes(other, one))),
            ),
        );
        return (part.isChain ? isLine : isSide) && copies.every((copy) => isWhole(part.body, copy));
      }
    }
    return part.parts.every((one, index) => isWhole(one, inner[index] ?? []));
  };
  const shape = parseShape(spec.shape ?? '');
  const all = members(spec, plain);
  return filled(shape, all).length === all.length && isWhole(shape, all);
}

/** Connected components; each node by itself in a chain; all together where there is at most one. */
function copiesIn(part: Part, nodes: readonly PlainNode[], { edges }: Plain): PlainNode[][] {
  if (part.isChain || part.body.kind === 'name') return nodes.map((node) => [node]);
  if (part.max === 1) return nodes.length === 0 ? [] : [[...nodes]];
  const copies: PlainNode[][] = [];
  const open = new Set(nodes);
  for (const start of nodes) {
    if (!open.delete(start)) continue;
    const copy = [start];
    for (const one of copy)
      for (const other of open)
        if (edges.has(edgeKey(one.id, other.id)) || edges.has(edgeKey(other.id, one.id))) {
          copy.push(other);
          open.delete(other);
        }
    copies.push(copy);
  }
  return copies;
}

/** No two copies that stood apart have become one. */
function staysApart(spec: PromiseSpec, before: Plain, after: Plain): boolean {
  const stood = new Set(members(spec, before).map(({ id }) => id));
  const groups = (part: Part, plain: Plain, nodes: readonly PlainNode[]): { at: number; ids: string[] }[] => {
    if (part.kind === 'name') return [];
    const own = nodes.filter((node) => names(part).some((name) => nameOf(name, node, plain.templates)));
    if (part.kind !== 'copies') return part.parts.flatMap((inner) => groups(inner, plain, own));
    const copies = copiesIn(part, own, plain);
    const here = copies.map((copy) => ({ at: part.offset, ids: copy.map(({ id }) => id) }));
    return [...here, ...copies.flatMap((copy) => groups(part.body, plain, copy))];
  };
  const keysOf = (plain: Plain): string[] =>
    groups(parseShape(spec.shape ?? ''), plain, members(spec, plain)).flatMap(({ at, ids }) => {
      const old = ids.filter((id) => stood.has(id));
      return old.flatMap((id) => old.map((other) => `${at} ${edgeKey(id, other)}`));
    });
  const together = new Set(keysOf(before));
  return keysOf(after).every((key) => together.has(key));
}
