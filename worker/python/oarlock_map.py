"""A map over a collection, written with the public protocol: nothing in the engine knows of it.

    tasks:
      - {id: A, python: {code: "import oarlock_map; oarlock_map.spread()"},
         with: {items: $.input.numbers, task: M, into: squares, before: [B]}}
    templates:
      - {id: M, python: {script: square.py}}
      - {id: squares, python: {code: "import oarlock_map; oarlock_map.gather()"}}
"""

import json

import oarlock


def spread(items=None, task=None, into=None, before=None):
    """One node for each item, made of the template `task`, the item as its input; with `into` one more, which is given all outputs.

    What is left out is taken from the input of this task. Returns the ids of the nodes, in the order of the items.
    """
    given = oarlock.input if isinstance(oarlock.input, dict) else {}
    items = given.get("items") if items is None else items
    task = given.get("task") if task is None else task
    if not isinstance(items, list):
        raise TypeError(f"items: expected a list, found {items!r:.60}")
    if not isinstance(task, str):
        raise TypeError(f"task: expected the name of a template, found {task!r:.60}")
    into = given.get("into") if into is None else into
    before = given.get("before", []) if before is None else before
    ids = [f"{oarlock.node}/{index}" for index in range(len(items))]
    with oarlock.change() as change:  # All of them, or none.
        for id, item in zip(ids, items):
            change.add(task, id=id, input=item, before=before if into is None else into)
        if into is not None:
            results = [f"$.tasks[{json.dumps(id, ensure_ascii=False)}].output" for id in ids]
            change.add(into, id=into, with_={"results": results}, after=[oarlock.node, *ids], before=before)
    oarlock.output({"items": len(items)})
    return ids


def gather():
    """The outputs of the nodes, as a list in the order of the items."""
    oarlock.output(oarlock.input["results"])
