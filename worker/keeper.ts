// The text that a resident shell runs: what it is told once, and one block for each attempt.
//
// Owns: quoting, the environment of a task inside the shell, and the decision whether a command may run in the forked subshell itself.
// Does not own: the process (slot.ts), what its line means (runtime/slot-line.ts).
//
// K1  nothing of a task reaches the shell but inside single quotes.
// K2  a block is one brace group: cut anywhere by the death of the worker, it is a syntax error and runs not at all.
// K3  a command means what `sh -c` makes of it, whichever way it runs; where that is in doubt it goes through `sh -c`.
// K4  the attempt's subshell looks for FENCE.stop after its traps are gone: whoever writes the stop before it signals cannot miss it.

import type { Executor } from '../kernel/task.ts';
import type { LeasePlaces } from '../store/store.ts';
import { containerArguments } from './container.ts';
import type { Job } from './job.ts';

/** The kernel's limit for one argument (MAX_ARG_STRLEN), its zero included. */
export const ARGUMENT_LIMIT_BYTES = 128 * 1024;

/** Shell text in which `value` is one word, itself. */
export function quoteShell(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/**
 * Said once to a new shell. Traps with an action keep it alive through a signal to its group and go back to the default in its children.
 * The outcome is appended to the claim, which is this shell's alone; on a full disk it is tried again each second. Once it was written it is
 * not looked at again: a controller may have taken it away by then.
 */
export function keeperSetup(boot: string, inbox: string): string {
  return `umask 077
trap : HUP INT TERM
oarlock__end() {
read -r oarlock__e oarlock__x </proc/uptime
oarlock__o=0
[ -s "$3.output" ] && oarlock__o=1
oarlock__n=$((($4 * 31 + oarlock__o * 17 + 1\${oarlock__s%.*}\${oarlock__s#*.} * 7 + 1\${oarlock__e%.*}\${oarlock__e#*.} * 3 + $2) % 999983))
oarlock__l="1 ${boot} $1 $4 $oarlock__s $oarlock__e $oarlock__o $oarlock__n end"
until printf '\\n%s\\n' "$oarlock__l" >>"$5"; do
[ -d ${quoteShell(inbox)} ] || mkdir ${quoteShell(inbox)} || return 0
sleep 1
done
}
`;
}

/** One attempt. `umask` is the octal mask that tasks shall have. */
export function keeperBlock(job: Job, umask: string): string {
  const { offer, places, fenceSum } = job;
  const base = places.output.slice(0, -'.output'.length);
  const fail = (message: string, exitCode: number): string =>
    `{ printf '%s' ${quoteShell(JSON.stringify({ message }))} >${quoteShell(places.output)}; exit ${exitCode}; }`;
  const exports = Object.entries(job.env).map(([name, value]) => `${name}=${quoteShell(value)}`);
  const directory = quoteShell(offer.workingDir);
  return `{
read -r oarlock__s oarlock__x </proc/uptime
(
trap - HUP INT TERM
unset oarlock__e oarlock__x oarlock__s oarlock__o oarlock__n oarlock__l
if [ -e ${quoteShell(places.stop)} ]; then exit 143; fi
${offer.messages === true ? speakText(places, fail) : ''}umask ${umask}
cd ${directory} || ${fail(`working directory ${offer.workingDir}: cannot enter it`, 126)}
unset OLDPWD
export PWD ${exports.join(' ')}
${runText(job, fail)}
) </dev/null >>${quoteShell(offer.logPath)} 2>&1
oarlock__end ${offer.fence} ${fenceSum} ${quoteShell(base)} $? ${quoteShell(places.outcome)}
}
`;
}

type Fail = (message: string, exitCode: number) => string;

/**
 * What the task says goes to a file, what it is told comes from a FIFO. That is open for reading and writing here, so that neither side
 * waits for the other, and the death of one that wrote is no end of file. A `<>` of what is not there would make a plain file.
 */
function speakText({ answers, messages }: LeasePlaces, fail: Fail): string {
  const fifo = quoteShell(answers);
  return `[ -p ${fifo} ] || mkfifo ${fifo} || ${fail('messages: the FIFO for answers cannot be made', 126)}
exec <>${fifo} >>${quoteShell(messages)}
`;
}

type Python = Extract<Executor, { type: 'python' }>;

export function pythonArguments({ script, code, args = [] }: Python): string[] {
  // A name that begins with a dash is no option of python3.
  return ['python3', ...(script === undefined ? ['-c', code ?? ''] : [script.replace(/^-/, './-')]), ...args];
}

function pythonText(python: Python, fail: Fail): string {
  const { script } = python;
  const file = quoteShell(script ?? '');
  const check =
    script === undefined ? '' : `[ -f ${file} ] || ${fail(`python: expected a file ${script}, found none`, 127)}\n`;
  return `command -v python3 >/dev/null || ${fail('python: python3 was not found in PATH', 127)}
${check}exec ${pythonArguments(python).map(quoteShell).join(' ')}`;
}

function runText(job: Job, fail: Fail): string {
  const { executor } = job.offer;
  if (executor.type === 'python') return pythonText(executor, fail);
  if (executor.type === 'container') return `exec ${containerArguments(executor, job.offer).map(quoteShell).join(' ')}`;
  if (executor.type === 'exec') return `exec ${executor.argv.map(quoteShell).join(' ')}`;
  if (executor.type !== 'command') throw new Error(`a shell cannot run ${executor.type}`);
  const command = quoteShell(executor.command);
  switch (wayOf(executor.command, job.env)) {
    case 'exec':
      return `exec ${executor.command}`;
    case 'eval':
      return `eval ${command}`;
    case 'sh':
      return `exec /bin/sh -c ${command}`;
  }
}

/** exec: the one program that it names takes the subshell's place; eval: in the subshell itself; sh: a shell of its own. */
export type Way = 'exec' | 'eval' | 'sh';

/** Variables that a shell sets, or reads for its own working, when it starts. */
const SHELL_VARIABLES =
  /^(IFS|PS[0-9]|OPT(IND|ARG|ERR)|LINENO|PPID|ENV|PWD|OLDPWD|MAIL\w*|CDPATH|HIST\w*|FC\w*|_|LD_\w*|BASH\w*|POSIX\w*|SHELLOPTS|UID|EUID|oarlock__\w*)$/;

/** What a program without shell syntax is made of. */
const ONE_PROGRAM = /^[A-Za-z0-9_./][A-Za-z0-9_./+-]*( [A-Za-z0-9_./:=@%,+-]+)*$/;

/** Words that are no programs, in any shell that may be /bin/sh. */
const NOT_PROGRAMS =
  /^(\.|:|\[|alias|bg|bind|break|builtin|caller|case|cd|chdir|command|compgen|complete|compopt|continue|coproc|declare|dirs|disown|do|done|echo|elif|else|enable|esac|eval|exec|exit|export|false|fc|fg|fi|for|function|getopts|hash|help|history|if|in|jobs|kill|let|local|logout|mapfile|popd|printf|pushd|pwd|read|readarray|readonly|return|select|set|shift|shopt|source|suspend|test|then|time|times|trap|true|type|typeset|ulimit|umask|unalias|unset|until|wait|while)$/;

/** Builtins that show or change what is the keeper's own, and variables that would show it. */
const TELLING_WORDS =
  /\b(trap|return|alias|unalias|local|set|jobs|exec|fc|hash|break|continue|unset|type|command|builtin|getopts|times|ulimit|umask|wait|eval|source|shift|readonly|declare|typeset|kill|bg|fg|shopt|let|time|coproc|disown|suspend|enable|PPID|LINENO|SHLVL|OPT(IND|ARG|ERR)|IFS|PS[0-9]|ENV|RANDOM|SECONDS|BASH\w*|FUNCNAME|oarlock__\w*)\b/;

const TELLING_PARAMETERS = /\$\{?[0-9#@*!$_-]/;
const HERE_DOCUMENT = /<</;
const EXPORT_LIST = /\bexport\b(?! +[A-Za-z_]\w*=)/;
const SOURCED_FILE = /(^|[\s;&|({`])\.(\s|$)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for.
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/;
/** A command word that comes out of an expansion, or is pieced together, may be any of the words above. */
const COMPUTED_WORD =
  /(^|[;&|({!\n]|\b(?:then|do|else|elif|if|while|until|in)\s)[ \t]*([A-Za-z_]\w*=[^\s;&|]*[ \t]+)*["'\\]*[$`"'\\]/;

export function wayOf(command: string, env: Readonly<Record<string, string>>): Way {
  if (Object.keys(env).some((name) => SHELL_VARIABLES.test(name))) return 'sh';
  if (ONE_PROGRAM.test(command) && !NOT_PROGRAMS.test(command.split(' ', 1)[0] ?? '')) return 'exec';
  const isDoubtful =
    TELLING_WORDS.test(command) ||
    TELLING_PARAMETERS.test(command) ||
    HERE_DOCUMENT.test(command) ||
    EXPORT_LIST.test(command) ||
    SOURCED_FILE.test(command) ||
    CONTROL.test(command) ||
    COMPUTED_WORD.test(command);
  return isDoubtful ? 'sh' : 'eval';
}
