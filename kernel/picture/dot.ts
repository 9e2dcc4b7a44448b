// The picture as text for Graphviz.
//
// Owns: shapes and colours of boxes and lines. A node has round corners, what may still come has not. A border is whole for what is there or
// will come, dashed for what may, dotted and grey for what cannot; a line is whole only when it is there. Several alike have a double border, a
// wildcard is an ellipse, and each box bears its sign: so it reads the same in black and white.
//
// D1  nothing that people or tasks wrote leaves its quotes: not as DOT, not as an entity of XML.

import { colorOf, inkOn } from './colors.ts';
import { layersOf } from './layers.ts';
import type { Look, Picture, PictureEdge, PictureNode } from './picture.ts';
import { isAlternative, legendOf, nameOf, noteOf, originOf, signOf } from './words.ts';

const LABEL_LIMIT = 80;

type Attributes = { readonly [name: string]: string };

const LOOK_STYLES: Readonly<Record<Look, Attributes>> = {
  done: { fillcolor: '#c8e6c9', color: '#2e7d32' },
  failed: { fillcolor: '#ffcdd2', color: '#b71c1c', penwidth: '2' },
  skipped: { fillcolor: '#eeeeee', color: '#9e9e9e', fontcolor: '#616161' },
  cancelled: { fillcolor: '#eeeeee', color: '#9e9e9e', fontcolor: '#616161' },
  running: { fillcolor: '#bbdefb', color: '#0d47a1', penwidth: '3' },
  waiting: { fillcolor: '#fff9c4', color: '#f57f17', penwidth: '2' },
  certain: { fillcolor: '#ffffff', color: '#37474f' },
  possible: { fillcolor: '#ffffff', color: '#607d8b', fontcolor: '#455a64' },
  impossible: { fillcolor: '#ffffff', color: '#bdbdbd', fontcolor: '#9e9e9e' },
};

const EDGE_STYLES: Readonly<Record<PictureEdge['look'], Attributes>> = {
  made: { color: '#37474f' },
  certain: { color: '#37474f', style: 'dashed' },
  possible: { color: '#90a4ae', style: 'dashed', arrowhead: 'empty' },
  impossible: { color: '#cfcfcf', style: 'dotted', arrowhead: 'empty' },
};

export function dotOf(picture: Picture): string {
  const { back } = layersOf(picture);
  const byId = new Map(picture.nodes.map((node) => [node.id, node]));
  const legend = legendOf(picture).map(({ sign, means }) => `${sign} ${means}`);
  const lines = [
    `digraph ${quoted(picture.name)} {`,
    `  graph [rankdir=LR, fontname="Helvetica", fontsize=10, fontcolor="#616161", nodesep=0.25, ranksep=0.45, label=${quoted(legend.join('    '))}];`,
    '  node [shape=box, fontname="Helvetica", fontsize=12, height=0.4, margin="0.2,0.07"];',
    '  edge [fontname="Helvetica", fontsize=10, arrowsize=0.7];',
  ];
  for (const node of picture.nodes) lines.push(`  ${quoted(node.id)} ${listed(nodeAttributes(node))};`);
  for (const [index, ids] of alternativesOf(picture).entries()) {
    lines.push(`  subgraph "cluster_${index}" {`);
    lines.push('    graph [label="one of", style="dashed,rounded", color="#90a4ae", fontsize=10];');
    lines.push(`    ${ids.map(quoted).join('; ')};`, '  }');
  }
  for (const edge of picture.edges) {
    const attributes = edgeAttributes(edge, byId, back.has(edge));
    lines.push(`  ${quoted(edge.from)} -> ${quoted(edge.to)} ${listed(attributes)};`);
  }
  return [...lines, '}'].join('\n');
}

function nodeAttributes(node: PictureNode): Attributes {
  const { ghost, look, fold } = node;
  const own = colorOf(node.color);
  const isDimmed = look === 'impossible' || look === 'skipped' || look === 'cancelled';
  const paint = own === null || isDimmed ? {} : { fillcolor: own, fontcolor: inkOn(own) };
  const border = look === 'impossible' ? ',dotted' : look === 'possible' ? ',dashed' : '';
  const note = noteOf(node);
  const name = `${signOf(node).sign} ${nameOf(node)}`;
  return {
    label: escaped(name) + (note === '' ? '' : `\\n${escaped(note)}`),
    tooltip: escaped(`${node.id}: ${ghost === null ? '' : `${signOf(node).means}, `}${originOf(node)}`),
    style: `${ghost === null ? 'rounded,' : ''}filled${border}`,
    ...LOOK_STYLES[look],
    ...paint,
    ...(fold !== undefined || ghost?.kind === 'many' ? { peripheries: '2' } : {}),
    ...(ghost?.kind === 'wildcard' ? { shape: 'ellipse' } : {}),
  };
}

function edgeAttributes(edge: PictureEdge, byId: ReadonlyMap<string, PictureNode>, isBack: boolean): Attributes {
  const own = colorOf(edge.color);
  const isGrey = [edge.from, edge.to].some((id) => byId.get(id)?.look === 'impossible');
  return {
    ...EDGE_STYLES[edge.look],
    ...(isGrey && own === null ? { color: '#cfcfcf' } : {}),
    ...(own === null ? {} : { color: own }),
    ...(edge.label === undefined ? {} : { label: escaped(edge.label) }),
    // A loop leads back without pulling the boxes out of their order.
    ...(isBack ? { constraint: 'false' } : {}),
  };
}

/** Ghosts of which one comes, as ids. */
function alternativesOf({ nodes }: Picture): string[][] {
  const byGroup = new Map<string, string[]>();
  for (const node of nodes) {
    const group = node.ghost?.group;
    if (group === undefined || !isAlternative(node)) continue;
    const known = byGroup.get(group);
    if (known === undefined) byGroup.set(group, [node.id]);
    else known.push(node.id);
  }
  return [...byGroup.values()].filter((ids) => ids.length > 1);
}

function listed(attributes: Attributes): string {
  const parts = Object.entries(attributes).map(([name, value]) => `${name}=${rawQuoted(value)}`);
  return parts.length === 0 ? '' : `[${parts.join(', ')}]`;
}

// --- text ----------------------------------------------------------------------------------------

function quoted(text: string): string {
  return rawQuoted(printable(text).replaceAll('\\', '\\\\'));
}

/** Backslashes stand as they are: they mean something to Graphviz. */
function rawQuoted(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}

/** For a label: no backslash and no entity means anything. */
function escaped(text: string): string {
  const cut = text.length > LABEL_LIMIT ? `${text.slice(0, LABEL_LIMIT - 1)}…` : text;
  return printable(cut).replaceAll('&', '&amp;').replaceAll('\\', '\\\\');
}

/** XML has no place for control characters, half characters and non-characters. */
function printable(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]+/g, ' ')
    .replace(/\p{Surrogate}/gu, '\ufffd');
}
