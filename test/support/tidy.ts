// The style of this repository as pure checks: text in, problems out. test/tidy.test.ts runs them over every file;
// test/unit/tidy.test.ts plants what each of them must find, so that no check can go blind unnoticed.
//
// T1  a layer imports only the layers below it, and the controller, the workers and the API meet in the store alone.
// T2  each npm package has one door: one file or one folder that imports it.
// T3  only the store touches files (connectors, the user's files, through a door of their own), only the worker and the command line start processes.
// T4  a file says at its top what it is for, and is short enough to be read at one sitting.

import { posix } from 'node:path';

export interface SourceFile {
  /** Relative to the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;

export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    found.push({ specifier, line: lineAt(text, match.index + match[0].length) });
  }
  return found;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

// --- layers ------------------------------------------------------------------------------------

/** Folder -> folders that it may import besides itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  runtime: ['kernel'],
  manifests: ['kernel'],
  store: ['kernel', 'manifests', 'runtime'],
  controller: ['kernel', 'manifests', 'runtime', 'store'],
  worker: ['kernel', 'manifests', 'runtime', 'store'],
  api: ['kernel', 'manifests', 'runtime', 'store'],
  cli: ['kernel', 'manifests', 'runtime', 'store', 'controller', 'worker', 'api'],
};

export const SOURCE_FOLDERS: readonly string[] = Object.keys(LAYERS);

/** Where a module of Node may be imported, as prefixes of paths; modules that are not named here are free outside kernel/. */
const NODE_DOORS: readonly { readonly module: RegExp; readonly allowed: readonly string[] }[] = [
  { module: /^node:fs(\/|$)/, allowed: ['store/file/', 'runtime/processes.ts', 'worker/connectors/files.ts'] },
  { module: /^node:child_process$/, allowed: ['worker/', 'cli/', 'store/postgres/'] },
  { module: /^node:(net|dgram)$/, allowed: ['store/', 'api/'] },
  { module: /^node:(http|https|tls)$/, allowed: ['api/', 'cli/'] },
];

/**
 * What the engine's parts may know of the store: the contract, what is built on the contract alone, and, for those that
 * must touch a file of their own, the seam over the disk; and the server that comes with npm, which connectors use for themselves.
 */
const STORE_FACE: readonly string[] = [
  'store/store.ts',
  'store/load-run.ts',
  'store/compile-run.ts',
  'store/views.ts',
  'store/file/disk.ts',
  'store/postgres/embedded.ts',
];

export function folderOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function isRoot(path: string): boolean {
  return folderOf(path) === 'cli' || posix.basename(path) === 'main.ts';
}

export function layerProblems(file: SourceFile): string[] {
  const folder = folderOf(file.path);
  const below = LAYERS[folder];
  if (below === undefined) return [];
  const problems: string[] = [];
  for (const { specifier, line } of importsOf(file.text)) {
    const place = `${file.path}:${line}`;
    if (specifier.startsWith('.')) {
      const target = posix.normalize(posix.join(posix.dirname(file.path), specifier));
      const targetFolder = folderOf(target);
      if (targetFolder !== folder && !below.includes(targetFolder)) {
        problems.push(`${place}: ${folder}/ imports ${target}, expected only ${[folder, ...below].join('/, ')}/`);
      } else if (targetFolder === 'store' && folder !== 'store' && !isRoot(file.path) && !STORE_FACE.includes(target)) {
        problems.push(`${place}: ${folder}/ imports ${target}, expected only ${STORE_FACE.join(' or ')}`);
      }
      if (!target.endsWith('.ts') && !target.endsWith('.json'))
        problems.push(`${place}: import of ${specifier} has no .ts extension`);
    } else if (folder === 'kernel') {
      problems.push(`${place}: kernel/ imports ${specifier}, expected nothing but kernel/`);
    } else {
      const door = NODE_DOORS.find(({ module }) => module.test(specifier));
      if (door !== undefined && !door.allowed.some((prefix) => file.path.startsWith(prefix))) {
        problems.push(`${place}: ${specifier} is imported outside ${door.allowed.join(', ')}`);
      }
    }
  }
  return problems;
}

// --- doors -------------------------------------------------------------------------------------

export function packageOf(specifier: string): string | null {
  // A computed name (`${script}`) is a module of ours that is started in a thread.
  if (specifier.startsWith('.') || specifier.startsWith('node:') || specifier.startsWith('${')) return null;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? null);
}

/** Packages with a second door: a connector speaks to the user's database, the store to its own. */
const SECOND_DOORS: Readonly<Record<string, string>> = { pg: 'worker/connectors' };

/** Packages that more than one folder of the product imports, and those that package.json does not list as a dependency. */
export function doorProblems(files: readonly SourceFile[], dependencies: readonly string[]): string[] {
  const doors = new Map<string, Set<string>>();
  const problems: string[] = [];
  for (const file of files) {
    for (const { specifier, line } of importsOf(file.text)) {
      const name = packageOf(specifier);
      if (name === null) continue;
      if (!dependencies.includes(name))
        problems.push(`${file.path}:${line}: ${name} is not among the dependencies of package.json`);
      const folder = posix.dirname(file.path);
      const second = SECOND_DOORS[name];
      if (second !== undefined && `${folder}/`.startsWith(`${second}/`)) continue;
      doors.set(name, (doors.get(name) ?? new Set<string>()).add(folder));
    }
  }
  for (const [name, folders] of doors) {
    // A folder with those below it is one door.
    const isOneDoor =
      folders.size === 0 ||
      [...folders].some((top) => [...folders].every((folder) => `${folder}/`.startsWith(`${top}/`)));
    if (!isOneDoor) problems.push(`${name}: expected one door, found ${[...folders].sort().join(', ')}`);
  }
  return problems;
}

/** Files of the product that nothing but tests would miss. An entry is a main.ts, or a file whose name another source mentions (to start it). */
export function deadFiles(files: readonly SourceFile[], isEntry: (path: string) => boolean): string[] {
  const wanted = new Set<string>();
  for (const file of files) {
    for (const { specifier } of importsOf(file.text)) {
      if (specifier.startsWith('.')) wanted.add(posix.normalize(posix.join(posix.dirname(file.path), specifier)));
    }
  }
  const isNamed = (path: string): boolean => {
    const stem = posix.basename(path).replace(/\.ts$/, '');
    const mention = new RegExp(`['"/]${stem}\\.(ts|js)['"]|['"/]${stem}\\.\\$\\{`);
    return files.some((file) => file.path !== path && mention.test(file.text));
  };
  return files.map(({ path }) => path).filter((path) => !isEntry(path) && !wanted.has(path) && !isNamed(path));
}

// --- sizes and heads ---------------------------------------------------------------------------

export const SIZE_LIMITS = { sourceLines: 500, testLines: 900, lineColumns: 160, smallFileLines: 100 } as const;

/** An address, or a regular expression on a line of its own. */
const UNBREAKABLE = /https?:|^\s*(const \w+ =\s*)?\/.*\/[a-z]*;$/;

export function sizeProblems(file: SourceFile): string[] {
  const lines = file.text.split('\n');
  const limit =
    file.path.startsWith('test/') || file.path.startsWith('bench/') ? SIZE_LIMITS.testLines : SIZE_LIMITS.sourceLines;
  const problems: string[] = [];
  if (lines.length > limit) problems.push(`${file.path}: ${lines.length} lines, expected at most ${limit}`);
  lines.forEach((line, index) => {
    if (line.length > SIZE_LIMITS.lineColumns && !UNBREAKABLE.test(line)) {
      problems.push(`${file.path}:${index + 1}: ${line.length} columns, expected at most ${SIZE_LIMITS.lineColumns}`);
    }
  });
  return problems;
}

/** One line of comment will do for a small file, two is the least for any other. */
export function headProblems(file: SourceFile): string[] {
  const lines = file.text.split('\n');
  const start = lines[0]?.startsWith('#!') === true ? 1 : 0;
  const end = lines.findIndex((line, index) => index >= start && !line.startsWith('//'));
  const head = (end === -1 ? lines.length : end) - start;
  const expected = lines.length > SIZE_LIMITS.smallFileLines ? 2 : 1;
  return head >= expected
    ? []
    : [
        `${file.path}: opens with ${head} lines of comment, expected at least ${expected} that say what it owns and what not`,
      ];
}

export function nameProblems(path: string): string[] {
  return /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/.test(posix.basename(path))
    ? []
    : [`${path}: expected a file name in kebab-case`];
}

// --- words -------------------------------------------------------------------------------------

interface Ban {
  readonly pattern: RegExp;
  readonly why: string;
  readonly where: (path: string) => boolean;
}

const isProduct = (path: string): boolean => SOURCE_FOLDERS.includes(folderOf(path));
const isTest = (path: string): boolean => path.startsWith('test/');
const isCode = (path: string): boolean => /\.(ts|js|mjs|py|sh)$/.test(path);
const isTestFile = (path: string): boolean => path.endsWith('.test.ts');
const everywhere = (): boolean => true;

const BANS: readonly Ban[] = [
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, why: 'finish it, or open an issue', where: everywhere },
  { pattern: /(?<![\w.])\/(work|root|home|Users)\/[\w.]/, why: 'a path of one machine', where: everywhere },
  {
    pattern: /\bregistry\.(?!npmjs\.org)[a-z0-9-]+\.[a-z]+|\bnpm\.[a-z0-9-]+\.(internal|local|corp)\b/,
    why: 'a registry host',
    where: everywhere,
  },
  {
    pattern: /\b(claude|copilot|chatgpt|openai|anthropic|cursor ai)\b/i,
    why: 'a helper tool',
    where: (path) => path !== 'README.md',
  },
  { pattern: /^\s*(export )?(declare )?(const )?enum\s/, why: 'a union of literals says the same', where: isCode },
  { pattern: /@ts-(ignore|nocheck|expect-error)/, why: 'fix the type', where: isCode },
  { pattern: /\b(eslint|oxlint)-disable(?!.* -- \S)/, why: 'say why after --', where: isCode },
  { pattern: /^(export )?(let|var)\s/, why: 'no mutable state of a module', where: isProduct },
  {
    pattern: /^(export )?const \w+(: [^=]+)? = new (Map|Set|WeakMap)(<[^=]*>)?\(\);/,
    why: 'no mutable state of a module',
    where: isProduct,
  },
  { pattern: /\b(test|it|describe)(\.\w+)*\.(only|skip|todo|fails)\b/, why: 'tests run, all of them', where: isTest },
  { pattern: /\bvi\.\w+|useFakeTimers/, why: 'only ports are replaced', where: isTest },
  {
    pattern: /\bsetTimeout\(|timers\/promises/,
    why: 'wait for a condition with a deadline (test/support)',
    where: isTestFile,
  },
];

/** Files that must name what they forbid. */
const SPEAKS_OF_BANS: readonly string[] = ['test/support/tidy.ts', 'test/unit/tidy.test.ts'];

export function wordProblems(file: SourceFile): string[] {
  if (SPEAKS_OF_BANS.includes(file.path)) return [];
  const bans = BANS.filter(({ where }) => where(file.path));
  const problems: string[] = [];
  file.text.split('\n').forEach((line, index) => {
    for (const { pattern, why } of bans) {
      const match = pattern.exec(line);
      if (match !== null) problems.push(`${file.path}:${index + 1}: "${match[0].trim()}": ${why}`);
    }
  });
  return problems;
}

// --- documents ---------------------------------------------------------------------------------

const LINK = /\]\(([^)\s]+)\)/g;

/** Relative links of a Markdown file that lead nowhere. */
export function linkProblems(file: SourceFile, exists: (path: string) => boolean): string[] {
  const problems: string[] = [];
  for (const match of file.text.matchAll(LINK)) {
    const target = match[1] ?? '';
    if (/^([a-z]+:|#)/.test(target)) continue;
    const path = posix.normalize(posix.join(posix.dirname(file.path), target.replace(/#.*$/, '')));
    if (!exists(path))
      problems.push(`${file.path}:${lineAt(file.text, match.index)}: link to ${target}, found no such file`);
  }
  return problems;
}
