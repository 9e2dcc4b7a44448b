// The table of a run's promises: what may still be added, by whom, and how it must be tied in. One table for the checker, which asks it
// about a change that was just made (take), and for futures.ts, which asks the same about changes that somebody could make.
//
// T1  derived from registration and growth; a new round builds it anew (tableOf).
// T2  a promise about additions binds later changes; a shape speaks of the graph, so it binds the change that makes it, too.
// T3  nodes that undo a task are not looked at.
// T4  what a refused change did to the table is undone with it.

import type { Edge, Made, Refusal } from '../change.ts';
import { isCompensation } from '../compensation.ts';
import type { Node } from '../node.ts';
import type { Run } from '../run.ts';
import type { Form, KnownTasks } from './form.ts';
import type { Classes } from './kinds.ts';
import { type KnownNames, promiseProblem, promiseText } from './problem.ts';
import type { PromiseSpec } from './promise.ts';
import type { Verdict } from './reach.ts';
import { Rule } from './rule.ts';
import type { Named } from './selector.ts';

export class Table {
  readonly rules: Rule[] = [];
  /** While futures.ts looks ahead: nodes that have started by then. */
  readonly supposed = new Set<Node>();
  /** For reach.ts: nodes that started or ended since it looked, creators that can bring what must come, and its verdict. */
  readonly touched: Node[] = [];
  /** For kinds.ts. */
  classes: Classes | null = null;
  witnesses: ReadonlySet<Node> = new Set();
  isNew = true;
  isStale = true;
  verdict: Verdict | null = null;

  /** A node started, or ended. */
  touch(node: Node): void {
    if (this.rules.length > 0) this.touched.push(node);
  }

  isStarted(node: Node): boolean {
    return node.hasStarted || this.supposed.has(node);
  }

  /** Rules that bind a creator. */
  rulesFor(creator: Named): Rule[] {
    return this.rules.filter((rule) => rule.binds(creator));
  }

  /** Takes in a change that was just made. A refusal leaves the caller to undo it. `isForced`: it is taken in whatever it breaks. */
  take(run: Run, made: Made, isForced = false): Refusal | null {
    const { change, by, undo } = made;
    const promises = change.promises ?? [];
    if (this.rules.length === 0 && promises.length === 0) return null;
    const added = made.added.filter((node) => !isCompensation(node));
    const edges = made.edges.filter(([, to]) => !isCompensation(to));
    const creator = by === null ? undefined : run.nodes.get(by);
    if (creator !== undefined) {
      const refusal = this.#admits(creator, added, edges, looksOf(made));
      if (refusal !== null && !isForced) return refusal;
      this.count(creator, added.length, undo);
    }
    // What is closed now may have been the last hope of what must come.
    this.isStale ||=
      promises.length > 0 ||
      this.rules.some((rule) => rule.form?.hasChoice === true && rule.isUnmet) ||
      this.#isUsedUp(creator);
    for (const { form, text } of this.rules) {
      const problem = form?.enter(added, edges, undo) ?? null;
      if (problem !== null && !isForced) return { message: problem, promise: text };
    }
    return this.#makeAll(run, promises, undo, isForced);
  }

  #makeAll(run: Run, promises: readonly PromiseSpec[], undo: (() => void)[], isForced: boolean): Refusal | null {
    for (const spec of promises) {
      const problem = promiseProblem(spec, namesOf(run));
      if (problem !== null && !isForced) return { message: `promise ${promiseText(spec)}: ${problem}` };
      const rule = Rule.of(spec, namesOf(run));
      if (rule === null) continue;
      this.rules.push(rule);
      undo.push(() => this.rules.pop());
      if (rule.form === null) continue;
      const broken = enterAll(run, rule.form, undo);
      if (broken !== null && !isForced) return { message: `promise ${rule.text}: ${broken}` };
    }
    return null;
  }

  #isUsedUp(creator: Node | undefined): boolean {
    return creator !== undefined && this.rules.some((rule) => rule.bounds !== null && rule.roomFor(creator.id) === 0);
  }

  #admits(node: Node, added: readonly Node[], edges: readonly Edge[], looks: number): Refusal | null {
    const creator = namedOf(node);
    for (const rule of this.rulesFor(creator)) {
      const refuse = (message: string): Refusal => ({ message, promise: rule.text });
      if (rule.spec.noNewDisplay === true && looks > 0) return refuse('no label or colour may be changed');
      for (const one of added) {
        const problem = rule.refusesNode(namedOf(one));
        if (problem !== null) return refuse(problem);
      }
      for (const [from, to] of edges) {
        const problem = rule.refusesEdge(namedOf(from), namedOf(to));
        if (problem !== null) return refuse(problem);
      }
      const room = rule.roomFor(creator.id);
      if (room !== null && added.length > room)
        return refuse(`${added.length} more node${added.length === 1 ? '' : 's'}, expected at most ${room} more`);
    }
    return null;
  }

  count(node: Node, nodes: number, undo: (() => void)[]): void {
    if (nodes === 0) return;
    for (const rule of this.rulesFor(namedOf(node))) {
      if (rule.bounds === null) continue;
      rule.count(node.id, nodes);
      undo.push(() => rule.count(node.id, -nodes));
    }
  }
}

export function namedOf({ id, task }: Node): Named {
  return { id, task: task.task ?? null };
}

/** How many nodes and edges that were there are to look otherwise. */
function looksOf({ change, added, edges }: Made): number {
  const fresh = new Set(added.map(({ id }) => id));
  const news = new Set(edges.map(([from, to]) => JSON.stringify([from.id, to.id])));
  const isOld = (from: string, to: string): boolean => !news.has(JSON.stringify([from, to]));
  const told = (change.display ?? []).filter((one) =>
    'node' in one ? !fresh.has(one.node) : isOld(one.edge.from, one.edge.to),
  );
  return (
    told.length +
    (change.edges ?? []).filter(({ from, to, display }) => display !== undefined && isOld(from, to)).length
  );
}

/** What promises may name in a run, as it is. */
function namesOf({ nodes, registration: { templates, continuation } }: Run): KnownNames & KnownTasks {
  const isTemplate = (name: string): boolean => templates !== undefined && Object.hasOwn(templates, name);
  return {
    isNode: (id) => nodes.has(id),
    isTemplate,
    // States come as they are reached; admission knew them.
    isTask: (name) => isTemplate(name) || continuation !== undefined,
  };
}

function enterAll(run: Run, form: Form, undo: (() => void)[]): string | null {
  const nodes = [...run.nodes.values()].filter((node) => !isCompensation(node));
  const edges = nodes.flatMap((node) => Array.from(node.predecessors, (from): Edge => [from, node]));
  return form.enter(nodes, edges, undo);
}

/** The table, from the beginning: what members of a restart had promised is gone. */
export function tableOf(run: Run): Table {
  const table = new Table();
  for (const { by, change } of [{ by: null, change: run.registration.change }, ...run.growth]) {
    const creator = by === null ? undefined : run.nodes.get(by);
    const added = (change.nodes ?? [])
      .flatMap(({ id }) => run.nodes.get(id) ?? [])
      .filter((node) => !isCompensation(node));
    if (creator !== undefined) table.count(creator, added.length, []);
    for (const spec of change.promises ?? [])
      table.rules.push(...[Rule.of(spec, namesOf(run))].filter((rule) => rule !== null));
  }
  for (const { form } of table.rules) if (form !== null) enterAll(run, form, []);
  return table;
}
