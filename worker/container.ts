// `container`: a program in a container, by the command line of docker or podman.
//
// The container belongs to the engine's daemon, or to nobody, and not to our process group: killing the client does not end it. So the client
// has a guard, a shell that carries the mark of the attempt, by which whoever ends the attempt finds it and waits for it.
//
// B1  the name of a container follows from run and node: the engine itself never runs two of a node. A next attempt first removes what one
//     before it may have left.
// B2  told to end, the guard ends the container, by a process that nobody kills with it, and ends itself only when the container is gone.
// B3  values of variables stand in the environment of the client, never among its arguments.
// B4  the task sees three places: its input, its output (handed over when it has ended), and the run's scratch directory.

import { createHash } from 'node:crypto';
import { isAbsolute, resolve } from 'node:path';
import type { Executor } from '../kernel/task.ts';
import type { Offer } from '../store/store.ts';

type Container = Extract<Executor, { type: 'container' }>;

/** Seconds from SIGTERM to SIGKILL within the container: below those that the attempt has. */
const STOP_SECONDS = 2;

/** Variables of the worker by which the client finds its engine. They do not reach the container. */
const CLIENT_VARIABLES =
  /^(OARLOCK_CONTAINER_ENGINE|DOCKER_\w+|CONTAINERS?_\w+|XDG_RUNTIME_DIR|XDG_CONFIG_HOME|DBUS_SESSION_BUS_ADDRESS)$/;

/** What the container is told of itself. */
const TOLD = ['RUN', 'NODE', 'ATTEMPT', 'FENCE', 'IDEMPOTENCY_KEY'].map((name) => `OARLOCK_${name}`);

export function clientEnvironment(own: NodeJS.ProcessEnv): Record<string, string> {
  const found = Object.entries(own).flatMap(([name, value]): [string, string][] =>
    value !== undefined && CLIENT_VARIABLES.test(name) ? [[name, value]] : [],
  );
  return Object.fromEntries(found);
}

/** The same for every attempt of a node. */
export function containerName({ uid, node }: { uid: string; node: string }): string {
  const words = node.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 40);
  return `oarlock-${uid.slice(0, 8)}-${words}-${createHash('sha256').update(`${uid}/${node}`).digest('hex').slice(0, 12)}`;
}

/** A shell with the guard as its program, and what it hands to `run`. */
export function containerArguments(container: Container, offer: Offer): string[] {
  const { image, command = [], limits = {}, workdir, network, pull, volumes = [] } = container;
  const option = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [`--${name}=${value}`];
  const names = [...TOLD, ...(offer.messages === true ? ['OARLOCK_MESSAGES'] : []), ...Object.keys(offer.env ?? {})];
  return [
    '/bin/sh',
    '-c',
    GUARD,
    'oarlock-container',
    containerName(offer),
    image,
    ...option('label', `dev.oarlock.run=${offer.run}`),
    ...option('label', `dev.oarlock.node=${offer.node}`),
    ...option('cpus', limits.cpus),
    ...option('memory', limits.memoryMiB === undefined ? undefined : `${limits.memoryMiB}m`),
    ...option('workdir', workdir),
    ...option('network', network),
    ...option('pull', pull),
    ...(offer.messages === true ? ['--interactive'] : []),
    ...names.flatMap((name) => ['--env', name]),
    ...volumes.flatMap((volume) => option('volume', fromDirectory(volume, offer.workingDir))),
    image,
    ...command,
  ];
}

/** SOURCE:TARGET[:OPTIONS]: a source with a slash or a leading dot is a path here, another one a volume of the engine. */
function fromDirectory(volume: string, workingDir: string): string {
  const [source = '', ...rest] = volume.split(':');
  const isPath = isAbsolute(source) || /^\.|\//.test(source);
  return [isPath ? resolve(workingDir, source) : source, ...rest].join(':');
}

/**
 * Arguments: name, image, then those of `run`. The client does without OARLOCK_OUTPUT, which is the mark of the attempt: whoever ends the
 * attempt speaks to the guard alone. It is started without a function, which would put a shell of its own before it. What follows a TERM
 * runs in a session of its own, so that it also ends the container when the guard is killed.
 */
const GUARD = `
fail() { printf '{"message":"container: %s"}' "$1" >"$OARLOCK_OUTPUT"; exit "$2"; }
name=$1 image=$2; shift 2
engine=\${OARLOCK_CONTAINER_ENGINE:-}
if [ -z "$engine" ]; then engine=$(command -v docker || command -v podman) ||
fail 'neither docker nor podman was found in PATH: install one, or name its program in OARLOCK_CONTAINER_ENGINE' 127; fi
command -v "$engine" >/dev/null || fail 'the program that OARLOCK_CONTAINER_ENGINE names was not found' 127
called=\${engine##*/}
client() { env -u OARLOCK_OUTPUT "$engine" "$@"; }
own=$OARLOCK_SCRATCH/.container-$OARLOCK_FENCE
mkdir -p "$own" && cp "$OARLOCK_INPUT" "$own/input" && : >"$own/output" && chmod 0777 "$own" && chmod 0666 "$own"/* ||
fail 'its directory cannot be made' 126
end() {
trap '' TERM INT HUP
env -u OARLOCK_OUTPUT setsid /bin/sh -c '
while kill -0 "$3"; do "$1" stop -t ${STOP_SECONDS} "$2" || { kill "$3"; sleep 0.1; }; done
"$1" kill "$2"; "$1" rm -f "$2"' oarlock-container "$engine" "$name" "$run" >/dev/null 2>&1 &
wait $!
rm -rf "$own"
exit 143
}
run=
trap end TERM INT HUP
[ "$OARLOCK_ATTEMPT" = 1 ] || { client kill "$name"; client rm -f "$name"; } >/dev/null 2>&1
env -u OARLOCK_OUTPUT "$engine" run --rm --name "$name" -v "$own:/oarlock" -v "$OARLOCK_SCRATCH:/scratch" \\
-e OARLOCK_INPUT=/oarlock/input -e OARLOCK_OUTPUT=/oarlock/output -e OARLOCK_SCRATCH=/scratch "$@" <&0 &
run=$!
wait "$run"
code=$?
trap '' TERM INT HUP
if [ -s "$own/output" ]; then cp "$own/output" "$OARLOCK_OUTPUT"; fi
rm -rf "$own"
if [ "$code" != 125 ] || [ -s "$OARLOCK_OUTPUT" ]; then exit "$code"; fi
client version >/dev/null 2>&1 ||
fail "$called is there, but its engine does not answer: start it, or name another program in OARLOCK_CONTAINER_ENGINE" 125
client image inspect "$image" >/dev/null 2>&1 ||
fail "image $image is not here and was not pulled; what $called said is in the log" 125
fail "$called did not start it; what it said is in the log" 125
`;
