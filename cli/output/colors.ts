// Colours and symbols, sparse: a state has one colour, headings and asides are dim or bold, and nothing else is painted.
// A pipe, NO_COLOR and TERM=dumb get plain text.

export type Paint = (text: string) => string;

export interface Colors {
  readonly enabled: boolean;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

function paint(code: number, end: number): Paint {
  return (text) => (text === '' ? '' : `\u001b[${code}m${text}\u001b[${end}m`);
}

const NONE: Paint = (text) => text;

const PLAIN: Colors = {
  enabled: false,
  bold: NONE,
  dim: NONE,
  red: NONE,
  green: NONE,
  yellow: NONE,
  cyan: NONE,
};

const ANSI: Colors = {
  enabled: true,
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
  cyan: paint(36, 39),
};

export function colorsFor(isTerminal: boolean, env: { readonly [name: string]: string | undefined }): Colors {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return isTerminal && !refused ? ANSI : PLAIN;
}

/** The paint of a node state, run phase or condition status. */
export function statePaint(colors: Colors, state: string): Paint {
  switch (state) {
    case 'SUCCESS':
    case 'Succeeded':
    case 'True':
    case 'ready':
      return colors.green;
    case 'FAILED':
    case 'Failed':
    case 'False':
    case 'dead':
      return colors.red;
    case 'RUNNING':
    case 'Running':
      return colors.cyan;
    case 'RETRYING':
    case 'WAITING':
    case 'Suspended':
    case 'CANCELLED':
    case 'Cancelled':
    case 'draining':
      return colors.yellow;
    default:
      return colors.dim;
  }
}

/** One column wide, for terminals only. */
export function stateSymbol(state: string): string {
  switch (state) {
    case 'SUCCESS':
      return '✓';
    case 'FAILED':
      return '✗';
    case 'RUNNING':
      return '●';
    case 'RETRYING':
      return '↻';
    case 'WAITING':
      return '◔';
    case 'SKIPPED':
      return '↷';
    case 'CANCELLED':
      return '⊘';
    default:
      return '·';
  }
}
