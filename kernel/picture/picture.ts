// The picture of a run: its nodes, what may still come, and how each of them looks.
//
// Owns: from a Run and its Futures to plain data that all drawings (DOT, SVG, terminal) and `-o json` are made from.
// Does not own: what may still come (futures.ts), folding (fold.ts), any drawing.
//
// G1  a node or an edge of the run has `ghost: null`, all that may still come has a ghost.
// G2  the same run and futures give the same picture, in the same order: that of the graph, then that of the futures.
// G3  O(nodes + edges), without recursion.

import type { Futures, Ghost, GhostEdge, GhostKind, LooseEdges } from '../ghost.ts';
import { type Node, type NodeState, templateOfMadeUp } from '../node.ts';
import type { Run } from '../run.ts';
import { type Phase, phaseOf } from '../status.ts';
import type { Display } from '../task.ts';
import { looksOf } from './looks.ts';

/**
 * certain: it will be looked at, nothing but a failure keeps it from coming. possible: a condition, a trigger or chance decides.
 * impossible: it could have come once, or never.
 */
export type Look =
  | 'done'
  | 'failed'
  | 'skipped'
  | 'cancelled'
  | 'running'
  | 'waiting'
  | 'certain'
  | 'possible'
  | 'impossible';

/** made: it is there. The others: it must come with what it leads to or from, may come, cannot come any more. */
export type EdgeLook = 'made' | 'certain' | 'possible' | 'impossible';

export interface GhostMark {
  readonly kind: GhostKind;
  readonly atLeast: number;
  /** Null: no bound. */
  readonly atMost: number | null;
  readonly by: readonly string[];
  readonly group?: string;
  readonly isImpossible?: true;
}

export interface EdgeMark {
  /** That of the ghost that it leads to or from. */
  readonly kind: GhostKind;
  readonly atLeast: number;
  readonly atMost: number | null;
  readonly isRequired: boolean;
  readonly isOrder?: true;
}

export interface PictureNode {
  readonly id: string;
  readonly task: string | null;
  /** Null: a ghost has none. */
  readonly state: NodeState | null;
  readonly ghost: GhostMark | null;
  readonly look: Look;
  readonly label: string;
  readonly color?: string;
  /** Node that added it while the run was under way. */
  readonly createdBy: string | null;
  /** It stands for several (fold.ts). */
  readonly fold?: Fold;
}

/** twins: alike in all that the picture shows. chain: one after the other. layer: at the same distance from the start. */
export interface Fold {
  readonly form: 'twins' | 'chain' | 'layer';
  readonly count: number;
  readonly ids: readonly string[];
}

export interface PictureEdge {
  readonly from: string;
  readonly to: string;
  readonly ghost: EdgeMark | null;
  readonly look: EdgeLook;
  readonly label?: string;
  readonly color?: string;
}

export interface Picture {
  /** Of the run, or of the workflow. */
  readonly name: string;
  /** Null: nothing runs, a workflow is shown. */
  readonly phase: Phase | null;
  readonly nodes: readonly PictureNode[];
  readonly edges: readonly PictureEdge[];
  /** Edges that may still come between nodes that are there; absent: none may. */
  readonly between?: readonly LooseEdges[];
}

export function pictureOf(run: Run, futures: Futures, of: { readonly isWorkflow?: boolean } = {}): Picture {
  const { dress } = run;
  const looks = looksOf(run);
  const nodes: PictureNode[] = [];
  const edges: PictureEdge[] = [];
  for (const node of run.nodes.values()) {
    const display = dress.ofNode(node);
    nodes.push({
      id: node.id,
      task: node.task.task ?? null,
      state: node.state,
      ghost: null,
      look: looks.get(node) ?? 'certain',
      label: display.label ?? titleOf(node),
      ...colored(display),
      createdBy: node.createdBy,
    });
    for (const { id } of node.predecessors) {
      const shown = dress.ofEdge(id, node.id);
      const label = shown.label === undefined ? {} : { label: shown.label };
      edges.push({ from: id, to: node.id, ghost: null, look: 'made', ...label, ...colored(shown) });
    }
  }
  const ghosts = new Map(futures.ghosts.map((ghost) => [ghost.id, ghost]));
  for (const ghost of futures.ghosts) nodes.push(ghostNode(ghost));
  const isThere = (id: string): boolean => run.nodes.has(id) || ghosts.has(id);
  for (const edge of futures.edges) {
    if (isThere(edge.from) && isThere(edge.to)) edges.push(ghostEdge(edge, ghosts));
  }
  const between = futures.between === undefined || futures.between.length === 0 ? {} : { between: futures.between };
  return { name: run.name, phase: of.isWorkflow === true ? null : phaseOf(run), nodes, edges, ...between };
}

function titleOf(node: Node): string {
  const template = templateOfMadeUp(node);
  return template === null ? node.id : `${template} (${node.id})`;
}

function colored({ color }: Display): { color?: string } {
  return color === undefined ? {} : { color };
}

function ghostNode(ghost: Ghost): PictureNode {
  const { id, kind, task, label, atLeast, atMost, by, group, isImpossible } = ghost;
  return {
    id,
    task,
    state: null,
    ghost: {
      kind,
      atLeast,
      atMost,
      by,
      ...(group === undefined ? {} : { group }),
      ...(isImpossible === true ? { isImpossible } : {}),
    },
    look: isImpossible === true ? 'impossible' : atLeast > 0 ? 'certain' : 'possible',
    label,
    createdBy: null,
  };
}

function ghostEdge(edge: GhostEdge, ghosts: ReadonlyMap<string, Ghost>): PictureEdge {
  const { from, to, isRequired } = edge;
  // An edge between two nodes that are there is one of its own, which may come once.
  const ghost = ghosts.get(to) ?? ghosts.get(from);
  const isImpossible = [from, to].some((id) => ghosts.get(id)?.isImpossible === true);
  const isCertain = isRequired && [from, to].every((id) => (ghosts.get(id)?.atLeast ?? 1) > 0);
  return {
    from,
    to,
    ghost: {
      kind: ghost?.kind ?? 'wildcard',
      atLeast: isCertain ? (ghost?.atLeast ?? 1) : 0,
      atMost: ghost === undefined ? 1 : ghost.atMost,
      isRequired,
      ...(edge.isOrder === true ? { isOrder: true as const } : {}),
    },
    look: isImpossible ? 'impossible' : isCertain ? 'certain' : 'possible',
  };
}
