"""What a task of Oarlock says to its engine while it runs, and what it hears back.

    import oarlock

    for page in oarlock.input["pages"]:
        oarlock.add("fetch", input={"url": page}, before="report")   # after this task, before `report`
    oarlock.output({"pages": len(oarlock.input["pages"])})

One file, standard library only, Python 3.9 and later. The protocol is docs/protocols/messages.md: lines of JSON-RPC 2.0.

Importing it moves standard output: what is printed from then on goes to the task's log, and the descriptor that was standard output
carries messages. Standard input likewise: programs that the task starts read an empty one. A change of the graph returns once it is
made, or raises `Refused`; with asyncio use the same names under `oarlock.aio`. Calls may come from several threads, not from a
forked child. Run by hand, without an engine, a script prints its messages and takes every change for made.
"""

import asyncio
import json
import os
import sys
import threading
from concurrent.futures import Future

__all__ = [
    "input", "output", "add", "edge", "promise", "display", "change", "log", "progress",
    "aio", "node", "run", "attempt", "key", "scratch", "Change", "Failure", "Refused", "Invalid", "PromiseBroken",
]

_HERE = object()
LINE_LIMIT = 16 * 1024 * 1024

node = os.environ.get("OARLOCK_NODE", "task")
run = os.environ.get("OARLOCK_RUN", "")
attempt = int(os.environ.get("OARLOCK_ATTEMPT", "1"))
#: The same for every attempt of this node: for effects that must not happen twice.
key = os.environ.get("OARLOCK_IDEMPOTENCY_KEY", "")
#: A directory that all tasks of the run share.
scratch = os.environ.get("OARLOCK_SCRATCH", ".")


class Failure(Exception):
    """Ends the task as failed, with a type that `retry` and `catch` can name: raise Failure("OutOfStock", "no bolts left")."""

    def __init__(self, type, message=""):
        super().__init__(message or type)
        self.type = type


class Refused(Exception):
    """A change was not made, as a whole. `reason` says why."""

    #: The promise that it would have broken, as it was written; None when it was no promise that forbids it.
    promise = None

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Invalid(Refused):
    """The change is not well formed: the reason says which field is wrong, and what was expected."""


class PromiseBroken(Refused):
    """The change would have broken a promise. The run ends, and this task is stopped."""


class Change:
    """What is to be added to the graph, whole or not at all.

    with oarlock.change() as change:
        first = change.add("M", id="m/1", input={"part": 1})
        change.add("M", after=first, before="B")
    """

    def __init__(self):
        self._params = {}

    def add(self, task=None, *, id=None, input=None, after=_HERE, before=(), **fields):
        """A node: of a template of the workflow, or of a definition as in a manifest (command="...", python={...}).

        `after` are the nodes that it depends on; when it is left out, this task. `before` are nodes that wait for it. `input` is data
        as it stands; `with_` may hold paths such as "$.tasks.A.output". Without an id it gets one when the change is made (`send` returns it). Returns the id that it was given.
        """
        spec = {} if id is None else {"id": id}
        if task is not None:
            spec["task"] = task
        if input is not None:
            spec["input"] = input
        for name, value in fields.items():
            spec[name.rstrip("_")] = value
        spec["dependencies"] = [node] if after is _HERE else _list(after)
        if before:
            spec["before"] = _list(before)
        self._params.setdefault("nodes", []).append(spec)
        return id

    def edge(self, start, end, **display):
        """`end` waits for `start`. label= and color= say how it looks."""
        spec = {"from": _name(start), "to": _name(end)}
        if display:
            spec["display"] = display
        self._params.setdefault("edges", []).append(spec)
        return self

    def promise(self, **promise):
        """Binds this change and all later ones: promise(shape="A -> M* -> B"), promise(noNewNodes=True, by={"node": "A"})."""
        self._params.setdefault("promises", []).append(promise)
        return self

    def display(self, node, *, to=None, **display):
        """How a node looks, or (with `to`) the edge from it: label=, color=."""
        spec = {"node": _name(node)} if to is None else {"edge": {"from": _name(node), "to": _name(to)}}
        self._params.setdefault("display", []).append({**spec, "display": display})
        return self

    def send(self):
        """Sends it and waits. Returns the ids of its nodes, in order."""
        return _send(self).result()["nodes"]

    async def asend(self):
        return (await asyncio.wrap_future(_send(self)))["nodes"]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None and self._params:
            self.send()

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, trace):
        if kind is None and self._params:
            await self.asend()


def change():
    """An empty change, to be filled and sent; sends itself at the end of a `with` (or `async with`) block."""
    return Change()


def add(task=None, **fields):
    """Adds one node and returns its id; see Change.add."""
    made = Change()
    made.add(task, **fields)
    return made.send()[0]


def edge(start, end, **display):
    Change().edge(start, end, **display).send()


def promise(**fields):
    Change().promise(**fields).send()


def display(node, **fields):
    Change().display(node, **fields).send()


def output(value):
    """The task's output; the last one counts."""
    _channel.notify("output", {"value": value})


def progress(value):
    """How far it is: a number from 0 to 1, a text, or whatever says it best. Shown while the task runs."""
    _channel.notify("progress", {"value": value})


def log(*values):
    """A line for the task's log, as print."""
    print(*values, file=sys.stderr, flush=True)


class aio:
    """The same for asyncio: await oarlock.aio.add("M")."""

    @staticmethod
    async def add(task=None, **fields):
        made = Change()
        made.add(task, **fields)
        return (await made.asend())[0]

    @staticmethod
    async def edge(start, end, **display):
        await Change().edge(start, end, **display).asend()

    @staticmethod
    async def promise(**fields):
        await Change().promise(**fields).asend()

    @staticmethod
    async def display(node, **fields):
        await Change().display(node, **fields).asend()


def _list(names):
    if names is None:
        # What `add` gives back for a node of a change that has no id yet; taken for "none" it would lose an order.
        raise TypeError("expected ids of nodes, found None: give a node an id to name it in the same change, or say () for none")
    return [_name(names)] if isinstance(names, (str, int)) else [_name(name) for name in names]


def _name(name):
    if not isinstance(name, str):
        raise TypeError(f"expected the id of a node, found {name!r}")
    return name


def _send(change):
    return _channel.request("graph.change", change._params)


class _Channel:
    """Messages out, answers in. A thread reads answers once there is something to be answered."""

    def __init__(self):
        self._lock = threading.Lock()
        self._waiting = {}
        self._last = 0
        self._reader = None
        self._closed = None
        self._pid = os.getpid()
        self._out = self._in = None
        fence = os.environ.get("OARLOCK_FENCE")
        if fence is None or os.environ.get("OARLOCK_MESSAGES") != fence:
            # By hand; or a program that a task started, or whose task does not say `messages: true`.
            self._is_refused = fence is not None
            return
        # Programs that this one starts shall not speak in its name, nor take its answers.
        os.environ["OARLOCK_MESSAGES"] = ""
        sys.stdout.flush()
        self._out = os.dup(1)
        self._in = os.dup(0)
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def notify(self, method, params):
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method, params):
        future = Future()
        with self._lock:
            self._last += 1
            id = self._last
            self._waiting[id] = future
            if self._closed is not None:
                raise self._closed
            if self._reader is None and self._in is not None:
                self._reader = threading.Thread(target=self._read, name="oarlock", daemon=True)
                self._reader.start()
        try:
            self._write({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        except BaseException:
            self._waiting.pop(id, None)
            raise
        if self._out is None:
            nodes = params.get("nodes", []) if isinstance(params, dict) else []
            made = [spec.get("id", f"{node}/0.{index + 1}") for index, spec in enumerate(nodes)]
            self._waiting.pop(id).set_result({"nodes": made})
        return future

    def _write(self, message):
        line = json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        if len(line) > LINE_LIMIT:
            raise ValueError(f"a message has at most {LINE_LIMIT} bytes, found {len(line)}: send it in parts")
        if self._out is None:
            if self._is_refused:
                raise RuntimeError("this task does not speak: say `messages: true` in its definition, or use the python executor")
            print(line.decode().rstrip(), file=sys.stderr, flush=True)
            return
        if os.getpid() != self._pid:
            raise RuntimeError("a forked child cannot speak for its task")
        with self._lock:
            while line:
                line = line[os.write(self._out, line):]

    def _read(self):
        rest = b""
        problem = None
        while True:
            try:
                data = os.read(self._in, 65536)
            except OSError as error:
                data, problem = b"", error
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._take(line)
        self._closed = ConnectionError(f"the engine cannot be heard any more: {problem or 'end of file'}")
        self._fail(self._closed)

    def _fail(self, error):
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

    def _take(self, line):
        try:
            answer = json.loads(line)
        except ValueError:
            return  # Half a line, of a controller that died while it wrote.
        if not isinstance(answer, dict):
            return
        if "error" in answer and answer.get("id") is None:
            # It could not even be read, so nobody knows which of them it was.
            self._fail(_error(answer["error"]))
            return
        # A new controller answers everything again: what is known already is nobody's.
        future = self._waiting.pop(answer.get("id"), None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        if "error" in answer:
            future.set_exception(_error(answer["error"]))
        else:
            future.set_result(answer.get("result"))


def _error(error):
    data = error.get("data") or {}
    kinds = {"PromiseBroken": PromiseBroken, "Invalid": Invalid}
    refused = kinds.get(data.get("reason"), Refused)(error.get("message", "refused"))
    refused.promise = data.get("promise")
    return refused


def _report(kind, error, trace):
    """An error that nobody caught becomes the error of the task."""
    _hook(kind, error, trace)
    path = os.environ.get("OARLOCK_OUTPUT")
    if path is None or issubclass(kind, KeyboardInterrupt) or os.path.exists(path):
        return
    name = error.type if isinstance(error, Failure) else "TaskFailed" if kind is Exception else kind.__name__
    text = str(error) or kind.__name__
    try:
        with open(path, "w") as file:
            json.dump({"errorType": name, "message": text[:32000]}, file)
    except OSError:
        pass  # A full disk: the exit code says enough.


def __getattr__(name):
    # Read when it is asked for: many tasks never do, and it may be large.
    if name != "input":
        raise AttributeError(f"module 'oarlock' has no attribute {name!r}")
    path = os.environ.get("OARLOCK_INPUT")
    if path is None:
        value = {}
    else:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    globals()["input"] = value
    return value


_channel = _Channel()
_hook = sys.excepthook
if "OARLOCK_FENCE" in os.environ:
    sys.excepthook = _report
