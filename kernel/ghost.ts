// What can still happen to a run's graph, as data: the ghosts of futures.ts, and what pictures are drawn from.

/**
 * wildcard: anything may come here. many: copies of one task. oneOf: one of several alternatives (those with the same `group`).
 * next: a state, or a compensation, that follows from what is there.
 */
export type GhostKind = 'wildcard' | 'many' | 'oneOf' | 'next';

/** A class of nodes that may still come. */
export interface Ghost {
  /** Different from the id of every node and every other ghost. */
  readonly id: string;
  readonly kind: GhostKind;
  /** Task or template that it would be of; null: any. */
  readonly task: string | null;
  readonly label: string;
  /** How many more must come, and may; null: no bound. */
  readonly atLeast: number;
  readonly atMost: number | null;
  /** Ids of the nodes and ghosts that could make it. */
  readonly by: readonly string[];
  /** Alternatives of each other have the same. */
  readonly group?: string;
  /** It stood open once and is closed now: drawn, so that a reader sees what was not taken. */
  readonly isImpossible?: true;
}

/** An edge that may still come, between nodes and ghosts. */
export interface GhostEdge {
  readonly from: string;
  readonly to: string;
  /** It stands whenever all that may come has come; the others are for when something stays away, or are up to who makes them. */
  readonly isRequired: boolean;
  /** It says only what waits for what (a join for all that its branches hold); drawings lead along the others. */
  readonly isOrder?: true;
}

/** Edges that may still come between nodes that are there: from any of these to any of those, unless it stands or closes a cycle. */
export interface LooseEdges {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

export interface Futures {
  readonly ghosts: readonly Ghost[];
  readonly edges: readonly GhostEdge[];
  readonly between?: readonly LooseEdges[];
}
