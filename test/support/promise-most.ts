// How many of each ghost can come, by brute force: all sequences of accepted changes of one node each, from those that could send them.
//
// Owns: the truth for small worlds. Does not own: what is accepted (the checker, itself held against promise-oracle.ts), how a picture counts.
// A node acts when all before it have ended; nothing ends earlier than it must. Worlds that differ only in ids are looked at once.

import { takeBack, tryChange } from '../../kernel/change.ts';
import type { Futures, Ghost } from '../../kernel/ghost.ts';
import type { Node } from '../../kernel/node.ts';
import { canCreate } from '../../kernel/promises/explore.ts';
import type { PromiseSpec, Selector } from '../../kernel/promises/promise.ts';
import { Spots } from '../../kernel/promises/spots.ts';
import type { Run } from '../../kernel/run.ts';
import type { NodeSpec, Registration, TaskSpec } from '../../kernel/task.ts';
import { COMMAND, registration } from './graph-text.ts';
import type { Choose } from './kernel-driver.ts';

const SPEAKER: TaskSpec = { executor: { type: 'python', code: '' } };
const PLAIN: TaskSpec = { executor: COMMAND };
const TEMPLATES = { M: PLAIN, P: SPEAKER, Q: SPEAKER } as const;
const WORLDS_LIMIT = 250;
const NODES_LIMIT = 9;

export interface Truth {
  readonly most: ReadonlyMap<Ghost, number>;
  /** Of all nodes whose creator counts. */
  readonly added: number;
  /** All was looked at: no more can come. */
  readonly isWhole: boolean;
}

/** Null when the picture does not say which ghost a node is. */
export function mostOf(run: Run, picture: Futures, isCounted: (creator: Node) => boolean = () => true): Truth | null {
  const search = new Search(run, picture, isCounted);
  search.look();
  return search.isClear ? search : null;
}

interface Actor {
  readonly node: Node;
  readonly ghost: Ghost | null;
  made: number;
  hasEnded: boolean;
}

class Search implements Truth {
  readonly most = new Map<Ghost, number>();
  added = 0;
  isClear = true;
  isWhole = true;
  readonly #run: Run;
  readonly #ghosts: readonly Ghost[];
  readonly #actors: Actor[];
  readonly #seen = new Set<string>();
  readonly #start: number;
  readonly #limit: number;
  readonly #isCounted: (creator: Node) => boolean;

  constructor(run: Run, picture: Futures, isCounted: (creator: Node) => boolean) {
    this.#run = run;
    this.#isCounted = isCounted;
    this.#ghosts = picture.ghosts.filter(({ isImpossible }) => isImpossible !== true);
    this.#actors = Array.from(run.nodes.values(), (node) => ({
      node,
      ghost: null,
      made: 0,
      hasEnded: node.isTerminal,
    }));
    this.#start = run.nodes.size;
    // Where there is no bound, some are enough.
    this.#limit = picture.ghosts.some(({ atMost }) => atMost === null) ? 10 : WORLDS_LIMIT;
  }

  look(): void {
    const key = this.#key();
    if (this.#seen.has(key) || !this.isClear) return;
    this.#seen.add(key);
    for (const ghost of this.#ghosts) {
      const count = this.#actors.filter((one) => one.ghost === ghost).length;
      this.most.set(ghost, Math.max(count, this.most.get(ghost) ?? 0));
    }
    const counted = this.#actors.filter(({ node }) => this.#isCounted(node)).map(({ made }) => made);
    this.added = Math.max(
      this.added,
      counted.reduce((sum, made) => sum + made, 0),
    );
    if (this.#run.nodes.size - this.#start >= NODES_LIMIT || this.#seen.size > this.#limit) this.isWhole = false;
    if (!this.isWhole) return;
    const tried = new Set<string>();
    for (const actor of this.#actors.slice()) {
      const same = this.#keyOf(actor);
      if (actor.hasEnded || tried.has(same) || !canCreate(this.#run, actor.node)) continue;
      tried.add(same);
      this.#during(actor, () => this.#changes(actor));
    }
  }

  /** All before it have ended; it runs. */
  #during({ node }: Actor, act: () => void): void {
    const before = new Set<Node>([node]);
    for (const one of before) for (const other of one.predecessors) before.add(other);
    const { supposed } = this.#run.promises;
    const begun = [...before].filter((one) => !supposed.has(one) && !one.hasStarted);
    const ended = this.#actors.filter((one) => one.node !== node && !one.hasEnded && before.has(one.node));
    for (const one of begun) supposed.add(one);
    for (const one of ended) one.hasEnded = true;
    act();
    for (const one of begun) supposed.delete(one);
    for (const one of ended) one.hasEnded = false;
  }

  #changes(actor: Actor): void {
    const forms = this.#run.promises.rules.flatMap(({ form }) => form ?? []);
    for (const task of [null, ...Object.keys(TEMPLATES)]) {
      for (const id of ['g1', this.#freeId('g'), this.#freeId('z')]) {
        if (this.#run.nodes.has(id)) continue;
        for (const { before, behind } of new Spots().of(forms, { id, task })) {
          const nodes: NodeSpec[] = [{ id, task: task ?? SPEAKER, dependencies: before }];
          const made = tryChange(this.#run, { nodes, edges: behind.map((to) => ({ from: id, to })) }, actor.node.id);
          if (!('added' in made)) continue;
          this.#follow(actor, made.added[0] as Node, task);
          takeBack(made);
        }
      }
    }
  }

  #follow(actor: Actor, node: Node, task: string | null): void {
    const by = actor.ghost?.id ?? actor.node.id;
    const able = this.#ghosts.filter((ghost) => (ghost.task ?? task) === task && ghost.by.includes(by));
    const [ghost] = able;
    if (ghost === undefined) throw new Error(`no ghost for a node of ${task ?? 'no task'} by ${by}`);
    if (able.length > 1) this.isClear = false;
    actor.made += 1;
    this.#actors.push({ node, ghost, made: 0, hasEnded: false });
    this.look();
    this.#actors.pop();
    actor.made -= 1;
  }

  #freeId(letter: string): string {
    let id = `${letter}2`;
    for (let count = 3; this.#run.nodes.has(id); count += 1) id = `${letter}${count}`;
    return id;
  }

  #key(): string {
    return this.#actors
      .map((actor) => this.#keyOf(actor))
      .sort()
      .join('\n');
  }

  #keyOf({ node, ghost, made, hasEnded }: Actor): string {
    const isBegun = node.hasStarted || this.#run.promises.supposed.has(node);
    const id = ghost === null || node.id === 'g1' ? node.id : node.id.charAt(0);
    const around = `${node.predecessors.size}<${node.successors.size}`;
    return `${ghost?.id ?? ''} ${id} ${node.task.task ?? ''} ${made} ${String(isBegun)} ${String(hasEnded)} ${around}`;
  }
}

// --- small worlds with small bounds ---------------------------------------------------------------

const SHAPES = [
  'A -> M* -> B',
  'A -> (P{0,2} & M*) -> B',
  'A -> (P | Q{0,2}) -> M* -> B',
  'A -> (P | Q){0,3} -> M{0,3} -> B',
  'A -> (P* | Q{0,2}) -> B',
  'A -> P... -> B',
  'A -> (P{0,2} -> M?) -> B',
] as const;

/** A, which runs, and maybe D; what each may add is bounded in several ways at once. */
export function boundedWorld(choose: Choose, more: readonly PromiseSpec[] = []): Registration {
  const hasShape = choose(3) === 0;
  const ids = hasShape ? ['A', 'B'] : choose(2) === 0 ? ['A'] : ['A', 'D'];
  const isBehind = hasShape || choose(2) === 0;
  const nodes = ids.map((id): NodeSpec => {
    const dependencies = isBehind && id !== 'A' ? ['A'] : [];
    return { id, task: id === 'B' ? PLAIN : SPEAKER, dependencies };
  });
  const promises: PromiseSpec[] = hasShape ? [{ shape: SHAPES[choose(SHAPES.length)] as string }] : [];
  for (let count = 1 + choose(4); count > 0; count -= 1) promises.push(bound(choose));
  if (choose(2) === 0) promises.push({ only: { atMost: 2 + choose(4) } });
  return registration({ nodes, promises: [...promises, ...more] }, { templates: TEMPLATES });
}

function bound(choose: Choose): PromiseSpec {
  const selectors: readonly Selector[] = [{ task: 'M' }, { task: 'P' }, { task: 'Q' }, 'g1', 'z*'];
  const creators: readonly Selector[] = ['A', 'D', { task: 'P' }, { task: 'Q' }, '?', 'z*'];
  const nodes = selectors.filter(() => choose(2) === 0);
  const by = choose(3) === 0 ? undefined : creators[choose(creators.length)];
  return {
    only: {
      ...(choose(2) === 0 ? { nodes } : {}),
      ...(choose(4) === 0 ? {} : { atMost: 1 + choose(3), ...(choose(3) === 0 ? { each: true as const } : {}) }),
    },
    ...(by === undefined ? {} : { by }),
  };
}
