// What promises say must still come: can it? A run whose promise nothing can fulfil any more ends at once, not when all is done.
//
// Owns: the verdict on lower bounds, and when it is worth asking again. Does not own: what could come (explore.ts).
//
// L1  asked when something that must come could have been lost: a node that it must come before has started, the creator that was known to
//     be able to bring it has ended, a bound is used up, an alternative is taken, a promise was made. Else the last verdict stands.
// L2  a run that fails or is cancelled anyway is not judged.

import type { Node } from '../node.ts';
import { labelOf } from '../order.ts';
import type { Run } from '../run.ts';
import { Amounts } from './amount.ts';
import { canCreate, Explorer, type Found, speaks } from './explore.ts';
import type { Copy, Form } from './form.ts';
import type { Rule } from './rule.ts';
import { namesIn, type Part } from './shape.ts';
import { namedOf } from './table.ts';

export interface Verdict {
  readonly promise: string;
  readonly reason: string;
}

/** The promise that nothing can fulfil any more, or null. */
export function outOfReach(run: Run): Verdict | null {
  const table = run.promises;
  if (table.rules.length === 0 || !run.isOpenEnded || run.brokenPromise !== null || run.undoing !== null) return null;
  const touched = table.isNew ? [...run.nodes.values()] : [...table.touched];
  table.touched.length = 0;
  table.isNew = false;
  table.verdict ??= lateOf(run, touched);
  const isUnmet = table.rules.some((rule) => rule.isUnmet);
  if (table.verdict !== null || !isUnmet) return table.verdict;
  const lost = [...table.witnesses].some((node) => node.isTerminal || run.nodes.get(node.id) !== node);
  if (!table.isStale && !lost && table.witnesses.size > 0) return null;
  table.verdict = judge(run);
  table.isStale = false;
  return table.verdict;
}

/** What nodes that have just started or ended came too early for. */
function lateOf(run: Run, touched: readonly Node[]): Verdict | null {
  for (const rule of run.promises.rules) {
    for (const node of touched) {
      const late = node.hasStarted ? rule.form?.missingBefore(node) : undefined;
      if (late !== undefined) return broken(rule, `"${late}" had to come before "${node.id}", which has started`);
      const few = eachProblem(run, rule, node);
      if (few !== null) return broken(rule, few);
    }
  }
  return null;
}

function eachProblem(run: Run, { bounds, binds, perCreator }: Rule, node: Node): string | null {
  if (bounds === null || !bounds.isEach || bounds.atLeast === 0 || !['SUCCESS', 'FAILED'].includes(node.state))
    return null;
  if (!binds(namedOf(node)) || !(speaks(node.task) || run.registration.continuation !== undefined)) return null;
  const added = perCreator.get(node.id) ?? 0;
  return added >= bounds.atLeast
    ? null
    : `"${node.id}" has ended and added ${added}, expected at least ${bounds.atLeast}`;
}

function judge(run: Run): Verdict | null {
  const table = run.promises;
  const known = [...table.witnesses].filter((node) => run.nodes.get(node.id) === node && canCreate(run, node));
  if (known.length > 0 && missing(run, known) === null) return keep(run, known);
  const all = [...run.nodes.values()].filter((node) => canCreate(run, node));
  const verdict = missing(run, all);
  if (verdict !== null) return verdict;
  // The last in the order of the graph lives longest, most often.
  const [first, ...others] = all;
  if (first === undefined) return null;
  const last = others.reduce((left, right) => (labelOf(right) > labelOf(left) ? right : left), first);
  return keep(run, missing(run, [last]) === null ? [last] : all);
}

function keep(run: Run, nodes: readonly Node[]): null {
  run.promises.witnesses = new Set(nodes);
  return null;
}

/** What these creators, and those that they could create, cannot bring. */
function missing(run: Run, creators: readonly Node[]): Verdict | null {
  const explorer = new Explorer(run);
  explorer.from(creators);
  const amounts = new Amounts(explorer);
  for (const rule of run.promises.rules) {
    if (!rule.isUnmet) continue;
    const name = rule.form === null ? null : new Reach(explorer, amounts, rule.form).lost();
    if (name !== null) return broken(rule, `"${name}" had to come, and nothing is left that could bring it`);
    const few = rule.form === null ? fewProblem(rule, amounts.under(rule)) : null;
    if (few !== null) return broken(rule, few);
  }
  return null;
}

function fewProblem({ bounds, total }: Rule, room: number | null): string | null {
  const need = bounds?.atLeast ?? 0;
  return room === null || total + room >= need
    ? null
    : `${total} added, expected at least ${need}, and nothing is left that could add the rest`;
}

function broken({ text }: Rule, reason: string): Verdict {
  return { promise: text, reason };
}

/** Which names of a form can still be filled. */
class Reach {
  readonly #explorer: Explorer;
  readonly #form: Form;
  readonly #amounts: Amounts;
  readonly #open = new Map<string, Found[]>();

  constructor(explorer: Explorer, amounts: Amounts, form: Form) {
    this.#explorer = explorer;
    this.#form = form;
    this.#amounts = amounts;
    for (const found of explorer.found.values()) {
      const place = found.places.get(form);
      if (place == null) continue;
      const key = explorer.spots.keyOf(place);
      this.#open.set(key, [...(this.#open.get(key) ?? []), found]);
    }
  }

  /** A name that must come and cannot. */
  lost(): string | null {
    for (const copy of this.#form.incomplete) {
      const name = this.#lostIn(copy, copy.body, 1);
      if (name !== null) return name;
    }
    return null;
  }

  #lostIn(copy: Copy, part: Part, times: number): string | null {
    switch (part.kind) {
      case 'name': {
        if (copy.nodes.has(part)) return null;
        const room = this.#amounts.ofAll(this.#open.get(this.#explorer.spots.keyOf({ part, copy })) ?? []);
        return room === null || room >= times ? null : part.name;
      }
      case 'sequence':
      case 'beside':
        return part.parts.map((inner) => this.#lostIn(copy, inner, times)).find((name) => name !== null) ?? null;
      case 'choice': {
        const chosen = part.parts.filter((inner) => !copy.isEmpty(inner));
        const lost = (chosen.length === 0 ? part.parts : chosen).map((inner) => this.#lostIn(copy, inner, times));
        return lost.includes(null) ? null : (lost[0] ?? null);
      }
      case 'copies': {
        const need = part.min - (copy.copies.get(part)?.size ?? 0);
        if (need <= 0) return null;
        const fresh = this.#explorer.spots.peek(copy, part);
        return fresh === null ? (namesIn(part)[0]?.name ?? null) : this.#lostIn(fresh, part.body, need * times);
      }
    }
  }
}
