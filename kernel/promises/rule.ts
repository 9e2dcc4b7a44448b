// One promise about what may be added, compiled: whom it binds, what they may add, and how much of it is used up.
//
// Owns: entries of the table that look at one creator, one new node or one new edge alone. Does not own: shapes (form.ts), which look at the
// graph.

import { Form, type KnownTasks } from './form.ts';
import { promiseText } from './problem.ts';
import type { PromiseSpec, Selector } from './promise.ts';
import { type Matcher, matcherOf, type Named } from './selector.ts';
import { ShapeSyntaxError } from './shape.ts';

type EdgeMatcher = (from: Named, to: Named) => boolean;

export interface Bounds {
  readonly atLeast: number;
  readonly atMost: number | null;
  /** Of each creator; else of all of them together. */
  readonly isEach: boolean;
}

export class Rule {
  readonly spec: PromiseSpec;
  readonly text: string;
  /** Is a creator bound by it? */
  readonly binds: Matcher;
  /** May such a node be added? Null: any may. */
  readonly nodes: Matcher | null;
  readonly edges: EdgeMatcher | null;
  readonly #ends: readonly Matcher[];
  readonly bounds: Bounds | null;
  /** Nodes that were added under it, in all and by each creator. */
  total = 0;
  readonly perCreator = new Map<string, number>();

  /** Of a shape. */
  readonly form: Form | null;

  /** Null for words that no engine of this version wrote. */
  static of(spec: PromiseSpec, known: KnownTasks): Rule | null {
    try {
      return new Rule(spec, known);
    } catch (error) {
      if (error instanceof ShapeSyntaxError) return null;
      throw error;
    }
  }

  private constructor(spec: PromiseSpec, known: KnownTasks) {
    this.spec = spec;
    this.text = promiseText(spec);
    this.binds = matcherOf(spec.by);
    this.nodes = nodesOf(spec);
    this.edges = edgesOf(spec);
    const { only, noEdges } = spec;
    this.#ends = [...(only?.edges ?? []), noEdges ?? {}].flatMap(({ from, to }) => [matcherOf(from), matcherOf(to)]);
    const isBound = only?.atLeast !== undefined || only?.atMost !== undefined;
    this.bounds = isBound
      ? { atLeast: only.atLeast ?? 0, atMost: only.atMost ?? null, isEach: only.each === true }
      : null;
    this.form = spec.shape === undefined ? null : new Form(spec, known);
  }

  /** Must something come yet? What each creator must add is judged when it ends. */
  get isUnmet(): boolean {
    if (this.form !== null) return this.form.incomplete.size > 0;
    return this.bounds !== null && !this.bounds.isEach && this.total < this.bounds.atLeast;
  }

  /** How many nodes were added, as the bounds count them. */
  addedBy(creator: string): number {
    return this.bounds?.isEach === true ? (this.perCreator.get(creator) ?? 0) : this.total;
  }

  /** How many more may come from this creator; null is no bound. */
  roomFor(creator: string): number | null {
    const atMost = this.bounds?.atMost ?? null;
    return atMost === null ? null : Math.max(0, atMost - this.addedBy(creator));
  }

  count(creator: string, nodes: number): void {
    if (this.bounds === null || nodes === 0) return;
    this.total += nodes;
    this.perCreator.set(creator, (this.perCreator.get(creator) ?? 0) + nodes);
  }

  /** The same for nodes that it treats alike as ends of edges. */
  edgeClass(named: Named): string {
    return this.#ends.map((matches) => (matches(named) ? '1' : '0')).join('');
  }

  /** The same for nodes that it treats alike in all respects. */
  kindOf(named: Named): string {
    const part = this.form?.partOf(named)?.name ?? '';
    return `${this.binds(named) ? 'b' : ''}${this.nodes?.(named) === true ? 'n' : ''}${this.edgeClass(named)}${part}`;
  }

  /** Why such a node, or edge, may not come from those that it binds; null when it may. */
  refusesNode(node: Named): string | null {
    return this.nodes === null || this.nodes(node) ? null : `node "${node.id}" may not be added`;
  }

  refusesEdge(from: Named, to: Named): string | null {
    return this.edges === null || this.edges(from, to) ? null : `edge "${from.id}" -> "${to.id}" may not be added`;
  }
}

function nodesOf({ noNewNodes, only }: PromiseSpec): Matcher | null {
  if (noNewNodes === true) return () => false;
  if (only?.nodes === undefined) return null;
  const matchers = only.nodes.map(matcherOf);
  return (named) => matchers.some((matches) => matches(named));
}

function edgesOf({ noNewEdges, only, noEdges }: PromiseSpec): EdgeMatcher | null {
  if (noNewEdges === true) return () => false;
  if (noEdges !== undefined) {
    const isForbidden = edgeMatcher(noEdges);
    return (from, to) => !isForbidden(from, to);
  }
  if (only?.edges === undefined) return null;
  const matchers = only.edges.map(edgeMatcher);
  return (from, to) => matchers.some((matches) => matches(from, to));
}

function edgeMatcher(ends: { readonly from?: Selector; readonly to?: Selector }): EdgeMatcher {
  const [from, to] = [matcherOf(ends.from), matcherOf(ends.to)];
  return (start, end) => from(start) && to(end);
}
