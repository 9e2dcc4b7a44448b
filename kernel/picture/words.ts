// The words and signs that all drawings share, so that a reader who knows one knows the others.
//
// W1  each look has a sign of its own: a drawing says the same without colours.

import type { GhostMark, Look, Picture, PictureNode } from './picture.ts';

interface Sign {
  /** One column wide. */
  readonly sign: string;
  readonly means: string;
}

const SIGNS = {
  done: { sign: '✓', means: 'done' },
  failed: { sign: '✗', means: 'failed' },
  skipped: { sign: '↷', means: 'skipped' },
  cancelled: { sign: '⊘', means: 'cancelled' },
  running: { sign: '●', means: 'running' },
  waiting: { sign: '◔', means: 'waiting' },
  willRun: { sign: '○', means: 'will run' },
  mayRun: { sign: '?', means: 'may run' },
  willNotRun: { sign: '–', means: 'will not run' },
  willCome: { sign: '◎', means: 'will come' },
  mayCome: { sign: '◌', means: 'may come' },
  cannotCome: { sign: '×', means: 'cannot come any more' },
} as const satisfies { readonly [name: string]: Sign };

/** That of how it looks; what is not there yet has others than what only waits for its turn. */
export function signOf({ look, ghost }: Pick<PictureNode, 'look' | 'ghost'>): Sign {
  switch (look) {
    case 'certain':
      return ghost === null ? SIGNS.willRun : SIGNS.willCome;
    case 'possible':
      return ghost === null ? SIGNS.mayRun : SIGNS.mayCome;
    case 'impossible':
      return ghost === null ? SIGNS.willNotRun : SIGNS.cannotCome;
    default:
      return SIGNS[look];
  }
}

/** What a box says beneath its name; empty when the name says it all. */
export function noteOf({ ghost, fold, look }: PictureNode): string {
  const times = fold === undefined ? '' : fold.form === 'chain' ? `${fold.count} in a row` : `${fold.count} of them`;
  const bounds = ghost === null || look === 'impossible' ? '' : boundsOf(ghost);
  return [times, bounds].filter((word) => word !== '').join(', ');
}

/** Only one of those that are alternatives to it comes, and it may be another. */
export function isAlternative({ ghost }: PictureNode): boolean {
  return ghost?.group !== undefined && ghost.isImpossible !== true && ghost.atLeast === 0;
}

function boundsOf({ kind, atLeast, atMost }: GhostMark): string {
  if (kind === 'wildcard' && atMost === null && atLeast === 0) return 'anything';
  const isOne = kind === 'next' || kind === 'oneOf';
  if (atMost === null && isOne) return atLeast === 0 ? 'any number of times' : 'once or more';
  if (atMost === null) return atLeast === 0 ? 'any number' : `${atLeast} or more`;
  if (atLeast === atMost) return atMost === 1 ? '' : `${atMost} more`;
  if (atMost === 1) return kind === 'many' ? 'at most 1' : '';
  return atLeast === 0 ? `up to ${atMost}` : `${atLeast} to ${atMost}`;
}

/** How it stands and who added it, or could. */
export function originOf({ state, createdBy, ghost }: PictureNode): string {
  if (ghost === null) return `${state ?? ''}${createdBy === null ? '' : `, added by ${createdBy}`}`;
  const makers =
    ghost.by.length > MAKERS
      ? `${ghost.by.slice(0, MAKERS).join(', ')} and ${ghost.by.length - MAKERS} more`
      : ghost.by.join(', ');
  return makers === '' ? signOf({ look: 'impossible', ghost }).means : `by ${makers}`;
}

const MAKERS = 3;

/** Of a box: any number of something is written as in a shape. */
export function nameOf({ label, ghost }: PictureNode): string {
  if (ghost?.kind === 'wildcard' && label === 'anything') return '*';
  return ghost?.kind === 'many' && ghost.atMost === null ? `${label}${ghost.atLeast === 0 ? '*' : '+'}` : label;
}

/** Signs that the picture shows, in the order of a node's life. */
export function legendOf({ nodes }: Picture): { readonly look: Look; readonly sign: string; readonly means: string }[] {
  const shown = new Map(nodes.map((node) => [signOf(node), node.look]));
  return Object.values(SIGNS).flatMap((sign) => {
    const look = shown.get(sign);
    return look === undefined ? [] : [{ look, ...sign }];
  });
}
