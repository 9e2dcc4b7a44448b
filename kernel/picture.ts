// The graph of a run as data, and as text for Graphviz: what the command line and the API show.

import type { Run } from './run.ts';

export interface GraphJson {
  nodes: { id: string; task: string | null; state: string; ghost: null }[];
  edges: { from: string; to: string; ghost: null }[];
}

export function graphJson(run: Run): GraphJson {
  const nodes = [...run.nodes.values()];
  return {
    nodes: nodes.map((node) => ({ id: node.id, task: node.task.task ?? null, state: node.state, ghost: null })),
    edges: nodes.flatMap((node) => Array.from(node.predecessors, ({ id }) => ({ from: id, to: node.id, ghost: null }))),
  };
}

const DOT_COLORS: Readonly<Record<string, string>> = {
  SUCCESS: '#c8e6c9',
  FAILED: '#ffcdd2',
  RUNNING: '#b3e5fc',
  RETRYING: '#fff9c4',
  WAITING: '#fff9c4',
  SKIPPED: '#eeeeee',
  CANCELLED: '#eeeeee',
};

export function graphDot(run: Run): string {
  const lines = [
    `digraph ${dotText(run.name)} {`,
    '  rankdir=LR;',
    '  node [shape=box, style="rounded,filled", fillcolor=white];',
  ];
  for (const node of run.nodes.values()) {
    const color = node.task.display?.color ?? DOT_COLORS[node.state];
    const label = node.task.display?.label ?? node.id;
    const fill = color === undefined ? '' : `, fillcolor=${dotText(color)}`;
    lines.push(`  ${dotText(node.id)} [label=${dotText(label)}${fill}];`);
  }
  for (const node of run.nodes.values()) {
    for (const { id } of node.predecessors) lines.push(`  ${dotText(id)} -> ${dotText(node.id)};`);
  }
  return [...lines, '}'].join('\n');
}

function dotText(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
