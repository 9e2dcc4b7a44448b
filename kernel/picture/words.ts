// The words and signs that all drawings share, so that a reader who knows one knows the others.
//
// W1  each look has a sign of its own: a drawing says the same without colours.

import type { GhostMark, Look, Picture, PictureNode } from './picture.ts';

export const LOOKS: readonly { readonly look: Look; readonly sign: string; readonly means: string }[] = [
  { look: 'done', sign: '✓', means: 'done' },
  { look: 'failed', sign: '✗', means: 'failed' },
  { look: 'skipped', sign: '↷', means: 'skipped' },
  { look: 'cancelled', sign: '⊘', means: 'cancelled' },
  { look: 'running', sign: '●', means: 'running' },
  { look: 'waiting', sign: '◔', means: 'waiting' },
  { look: 'certain', sign: '○', means: 'comes for certain' },
  { look: 'possible', sign: '◌', means: 'may come' },
  { look: 'impossible', sign: '×', means: 'cannot come' },
];

/** One column wide. */
export function signOf(look: Look): string {
  return LOOKS.find((row) => row.look === look)?.sign ?? ' ';
}

/** What a box says beneath its name; empty when the name says it all. */
export function noteOf({ ghost, fold, look }: PictureNode): string {
  const times = fold === undefined ? '' : fold.form === 'chain' ? `${fold.count} in a row` : `${fold.count} of them`;
  const bounds = ghost === null || look === 'impossible' ? '' : boundsOf(ghost);
  return [times, bounds].filter((word) => word !== '').join(', ');
}

/** Only one of those that are alternatives to it comes, and it may be another. */
export function isAlternative({ ghost }: PictureNode): boolean {
  return ghost?.group !== undefined && ghost.isImpossible !== true;
}

function boundsOf({ kind, atLeast, atMost }: GhostMark): string {
  if (atMost === null)
    return atLeast === 0 ? (kind === 'next' ? 'any number of times' : 'any number') : `${atLeast} or more`;
  if (atLeast === atMost) return atMost === 1 ? '' : `${atMost} more`;
  if (atMost === 1) return kind === 'many' ? 'at most 1' : '';
  return atLeast === 0 ? `up to ${atMost}` : `${atLeast} to ${atMost}`;
}

/** Of a box: a wildcard stands for anything. */
export function nameOf({ label, ghost }: PictureNode): string {
  return ghost?.kind === 'wildcard' && label === '' ? '*' : label;
}

/** Looks that the picture shows, in the order of a node's life. */
export function legendOf({ nodes }: Picture): { readonly look: Look; readonly sign: string; readonly means: string }[] {
  const shown = new Set(nodes.map(({ look }) => look));
  return LOOKS.filter(({ look }) => shown.has(look));
}
