// A promise as it is written: in a manifest, or by a task while it runs. What it means: docs/promises.md.

/** A node by its id, where `*` is any text and `?` any character, or by the task or template that it is of; a text alone is an id. */
export type Selector = string | { readonly node: string } | { readonly task: string };

/** One way to bound how a graph may grow, and whom it binds. Exactly one of the meanings stands. */
export interface PromiseSpec {
  readonly noNewNodes?: true;
  readonly noNewEdges?: true;
  readonly noNewDisplay?: true;
  readonly only?: OnlySpec;
  readonly noEdges?: { readonly from?: Selector; readonly to?: Selector };
  /** The form of the finished graph, or of its part between the nodes `from` and `to`. */
  readonly shape?: string;
  readonly from?: string;
  readonly to?: string;
  /** The node whose attempt sent the change; absent: whoever. */
  readonly by?: Selector;
}

/** Only these may be added; an absent list constrains nothing. */
export interface OnlySpec {
  readonly nodes?: readonly Selector[];
  readonly edges?: readonly { readonly from?: Selector; readonly to?: Selector }[];
  /** Bounds on the nodes that are added: of all matching creators together, or of each. */
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly each?: true;
}
