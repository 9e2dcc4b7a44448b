import { describe, expect, test } from 'vitest';
import { parseKind, parseTargets } from '../../../cli/kinds.ts';
import { matches, parseSelector } from '../../../cli/selector.ts';
import { StoreError } from '../../../kernel/errors.ts';
import { cli } from '../../support/cli.ts';

const VERBS =
  'up controller worker apply validate delete get describe run logs why history graph suspend resume cancel restart signal'.split(
    ' ',
  );

describe('help', () => {
  test('lists every verb', async () => {
    const { exitCode, stdout, stderr } = await cli(['--help']);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    for (const verb of VERBS) expect(stdout).toMatch(new RegExp(`^ {2}${verb}\\b`, 'm'));
  });

  test.each(VERBS)('%s has a page with an example and the state directory', async (verb) => {
    const { exitCode, stdout } = await cli([verb, '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`\nExamples:\n  $ oarlock ${verb}`);
    expect(stdout).toContain('--state <dir>');
  });

  test('--version prints the version and nothing else', async () => {
    expect(await cli(['--version'])).toEqual({ exitCode: 0, stdout: '0.0.0\n', stderr: '' });
  });
});

describe('wrong usage ends with exit code 2 and a sentence on stderr, and opens no store', () => {
  test.each([
    { argv: [], says: 'Usage: oarlock' },
    { argv: ['frobnicate'], says: "unknown command 'frobnicate'" },
    { argv: ['aply', '-f', 'x'], says: 'Did you mean apply?' },
    { argv: ['get'], says: "missing required argument 'kind'" },
    { argv: ['get', 'gizmos'], says: 'unknown kind "gizmos"\nkinds are workflows (wf)' },
    { argv: ['get', 'runs', '-o', 'xml'], says: 'Allowed choices are table, wide, json, yaml, name' },
    { argv: ['get', 'runs', '-l', '=x'], says: 'selector: expected key=value' },
    { argv: ['get', 'all', '-w'], says: '-w needs one kind' },
    { argv: ['get', 'workers', '-w'], says: '-w needs one kind' },
    { argv: ['apply'], says: "required option '-f, --filename <file>'" },
    { argv: ['apply', '-f', 'x', '--frob'], says: "unknown option '--frob'" },
    { argv: ['run'], says: "missing required argument 'file|workflow'" },
    { argv: ['run', 'x', 'y'], says: 'too many arguments' },
    { argv: ['run', 'x', '--input', '{'], says: '--input: expected JSON or @FILE' },
    { argv: ['run', 'x', '--slots', '0'], says: 'Expected a whole number from 1' },
    { argv: ['up', '--workers', '1.5'], says: 'Expected a whole number from 1' },
    { argv: ['logs', 'r', '--attempt', '2'], says: '--attempt needs a node' },
    { argv: ['why', 'r'], says: "missing required argument 'node'" },
    { argv: ['delete'], says: 'expected KIND NAME or KIND/NAME' },
    { argv: ['delete', 'run'], says: 'expected the name of a workflowrun' },
    { argv: ['delete', 'worker', 'w1'], says: 'workers are views' },
    { argv: ['delete', 'run/a', '-f', 'x'], says: 'expected names or -f, found both' },
    { argv: ['signal', 'r', 's', '--data', 'nope'], says: '--data: expected JSON or @FILE' },
    { argv: ['worker', '--name', '../x'], says: '--name: expected 1 to 200 characters' },
  ])('$argv', async ({ argv, says }) => {
    const { exitCode, stdout, stderr } = await cli(argv);
    expect(stderr).toContain(says);
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
  });
});

describe('validate', () => {
  const good = '{"id": "flow", "tasks": [{"id": "A", "command": "true"}]}';

  test('names what is valid', async () => {
    expect(await cli(['validate', '-f', '-'], { stdin: good })).toEqual({
      exitCode: 0,
      stdout: 'workflow/flow valid\n',
      stderr: '',
    });
  });

  test('takes the name of a bare document from --name', async () => {
    const { stdout } = await cli(['validate', '-f', '-', '--name', 'mine'], {
      stdin: good.replace('"id": "flow", ', ''),
    });
    expect(stdout).toBe('workflow/mine valid\n');
  });

  test('says where and what is wrong, and exits with 2', async () => {
    const stdin = 'tasks:\n  - id: A\n    command: echo\n    dependencies: [B]\n';
    const { exitCode, stdout, stderr } = await cli(['validate', '-f', '-', '--name', 'x'], { stdin });
    expect(stderr).toMatch(/^-:4:\d+: tasks\[0\]\.dependencies\[0\]: .*"B"/);
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
  });

  test('a file that is not there is told by name', async () => {
    expect(await cli(['validate', '-f', 'no-such-file.yaml'])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'error: file no-such-file.yaml does not exist\n',
    });
  });

  test('a directory without manifests says so', async () => {
    const { exitCode, stderr } = await cli(['validate', '-f', 'cli/verbs']);
    expect(stderr).toContain('cli/verbs: expected .yaml, .yml or .json files, found none');
    expect(exitCode).toBe(2);
  });

  test('the examples are valid', async () => {
    const { exitCode, stdout, stderr } = await cli(['validate', '-f', 'manifests/examples']);
    expect(stderr).toBe('');
    expect(stdout).toContain('workflow/hello valid\n');
    expect(exitCode).toBe(0);
  });
});

describe('kinds', () => {
  test.each([
    ['workflows', 'Workflow'],
    ['Workflow', 'Workflow'],
    ['wf', 'Workflow'],
    ['run', 'WorkflowRun'],
    ['runs', 'WorkflowRun'],
    ['workflowruns.oarlock.dev', 'WorkflowRun'],
    ['sig', 'Signal'],
    ['tasks', 'Task'],
    ['worker', 'Worker'],
    ['TaskLeases', 'TaskLease'],
  ])('%s is %s', (word, kind) => expect(parseKind(word).kind).toBe(kind));

  test.each([
    { words: ['run', 'a', 'b'], targets: ['WorkflowRun a', 'WorkflowRun b'] },
    { words: ['run/a', 'wf/b.c'], targets: ['WorkflowRun a', 'Workflow b.c'] },
    { words: ['runs'], targets: ['WorkflowRun null'] },
  ])('$words are $targets', ({ words, targets }) =>
    expect(parseTargets(words).map(({ kind, name }) => `${kind.kind} ${name}`)).toEqual(targets),
  );

  test.each([[['run/']], [['/a']], [['run/a', 'b']]])('%s are no targets', (words) =>
    expect(() => parseTargets(words)).toThrow('expected KIND/NAME'),
  );
});

describe('selectors', () => {
  const object = { metadata: { labels: { team: 'data', tier: '1', empty: '' } } };
  test.each([
    { selector: '', isMatch: true },
    { selector: 'team=data', isMatch: true },
    { selector: 'team==data', isMatch: true },
    { selector: 'team=other', isMatch: false },
    { selector: 'team!=other', isMatch: true },
    { selector: 'missing!=x', isMatch: true },
    { selector: 'team', isMatch: true },
    { selector: '!team', isMatch: false },
    { selector: '!missing', isMatch: true },
    { selector: 'team=data,tier=2', isMatch: false },
    { selector: 'team in (web, data),tier', isMatch: true },
    { selector: 'team notin (web, data)', isMatch: false },
    { selector: 'empty=', isMatch: true },
    { selector: 'toString', isMatch: false },
  ])('"$selector": $isMatch', ({ selector, isMatch }) =>
    expect(matches(object, parseSelector(selector))).toBe(isMatch),
  );

  test.each(['=x', 'a b', 'a in b', 'a,', '(x)'])('"%s" is refused', (selector) =>
    expect(() => parseSelector(selector)).toThrow('selector: expected'),
  );
});

test.each([
  {
    name: 'a state directory that cannot be used',
    error: Object.assign(new Error("EACCES: permission denied, mkdir '/x'"), { code: 'EACCES', syscall: 'mkdir' }),
    says: "error: state directory ./state cannot be used: EACCES: permission denied, mkdir '/x'\n",
  },
  {
    name: 'one that the store refuses',
    error: new StoreError('Unavailable', '/x', '/x lies on NFS'),
    says: 'error: state directory ./state cannot be used: /x lies on NFS\n',
  },
  {
    name: 'a state directory that is refused by name',
    error: new StoreError('Unavailable', '/x', 'state directory "/x": expected a local file system, found NFS'),
    says: 'error: state directory "/x": expected a local file system, found NFS\n',
  },
])('$name is exit code 1 and one line', async ({ error, says }) => {
  const ended = await cli(['get', 'runs'], { openStore: () => Promise.reject(error) });
  expect(ended).toEqual({ exitCode: 1, stdout: '', stderr: says });
});

test('a bug is told as one, with its place', async () => {
  const { exitCode, stderr } = await cli(['get', 'runs'], { openStore: () => Promise.reject(new Error('oops')) });
  expect(stderr).toMatch(/^error: oarlock itself failed; please report this\nError: oops\n {4}at /);
  expect(exitCode).toBe(1);
});
