// Pictures for tests: ghosts in one line, and what a picture shows in short texts.

import type { Futures, Ghost, GhostEdge, GhostKind } from '../../kernel/ghost.ts';
import type { Picture } from '../../kernel/picture/picture.ts';

export const NO_FUTURES: Futures = { ghosts: [], edges: [] };

export function ghost(id: string, kind: GhostKind, more: Partial<Ghost> = {}): Ghost {
  return { id, kind, task: id, label: id, atLeast: 0, atMost: 1, by: [], ...more };
}

/** `'A -> M -> B'`: edges that their ghosts bring. */
export function ghostEdges(text: string, isRequired = true): GhostEdge[] {
  return text.split(',').flatMap((clause) => {
    const names = clause.split('->').map((name) => name.trim());
    return names.slice(1).map((to, index) => ({ from: names[index] ?? '', to, isRequired }));
  });
}

/** `a=done b=certain`, in the order of the picture. */
export function looks({ nodes }: Picture): string {
  return nodes.map(({ id, look }) => `${id}=${look}`).join(' ');
}

/** `a->b:made`, in the order of the picture. */
export function edgeLooks({ edges }: Picture): string {
  return edges.map(({ from, to, look }) => `${from}->${to}:${look}`).join(' ');
}
