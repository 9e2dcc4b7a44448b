// The words people use for kinds: plural, singular, short, any case; and the two views that nobody writes.

import { KINDS, type Kind } from '../manifests/model.ts';
import { Failure } from './failure.ts';

export type View = 'Worker' | 'TaskLease';

export interface ListedKind {
  readonly kind: Kind | View;
  readonly plural: string;
  readonly singular: string;
  readonly isView: boolean;
}

const VIEWS: readonly { kind: View; plural: string; singular: string }[] = [
  { kind: 'Worker', plural: 'workers', singular: 'worker' },
  { kind: 'TaskLease', plural: 'taskleases', singular: 'tasklease' },
];

export function describeKinds(): string {
  const words = KINDS.map(({ plural, shortNames }) =>
    shortNames.length === 0 ? plural : `${plural} (${shortNames.join(', ')})`,
  );
  return [...words, ...VIEWS.map(({ plural }) => plural)].join(', ');
}

/** Exit code 2 when the word names no kind. */
export function parseKind(word: string): ListedKind {
  const wanted = word.toLowerCase().split('.')[0] ?? '';
  for (const info of KINDS) {
    if (wanted === info.plural || wanted === info.singular || info.shortNames.includes(wanted)) {
      return { kind: info.kind, plural: info.plural, singular: info.singular, isView: false };
    }
  }
  for (const view of VIEWS) {
    if (wanted === view.plural || wanted === view.singular) return { ...view, isView: true };
  }
  throw new Failure(2, `unknown kind "${word}"`, `kinds are ${describeKinds()}`);
}

export function isStoredKind(kind: Kind | View): kind is Kind {
  return kind !== 'Worker' && kind !== 'TaskLease';
}

/** `KIND NAME`, `KIND NAME...` or `KIND/NAME...`, as pairs. */
export function parseTargets(words: readonly string[]): { kind: ListedKind; name: string | null }[] {
  const [first, ...rest] = words;
  if (first === undefined) throw new Failure(2, 'expected KIND NAME or KIND/NAME', `kinds are ${describeKinds()}`);
  if (!words.some((word) => word.includes('/'))) {
    const kind = parseKind(first);
    return rest.length === 0 ? [{ kind, name: null }] : rest.map((name) => ({ kind, name }));
  }
  return words.map((word) => {
    const slash = word.indexOf('/');
    if (slash <= 0 || slash === word.length - 1) throw new Failure(2, `"${word}": expected KIND/NAME`);
    return { kind: parseKind(word.slice(0, slash)), name: word.slice(slash + 1) };
  });
}

/** `workflow/hello`, as apply, delete and `get -o name` print it. */
export function nameOf(kind: Kind | View, name: string): string {
  const info = [...KINDS, ...VIEWS].find((candidate) => candidate.kind === kind);
  return `${info?.singular ?? kind.toLowerCase()}/${name}`;
}

/** What is asked for is not there. */
export function missing(kind: ListedKind, name: string): Failure {
  return new Failure(1, `no ${kind.singular} "${name}"`, `\`oarlock get ${kind.plural}\` lists them`);
}
