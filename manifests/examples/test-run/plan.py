"""Finds the tests and deals them out."""

import unittest

import oarlock
import suite


def ids(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from ids(test)
        else:
            yield test.id()


found = list(ids(unittest.defaultTestLoader.loadTestsFromModule(suite)))
size = oarlock.input.get("perShard", 3)
with oarlock.change() as change:
    for number, start in enumerate(range(0, len(found), size), 1):
        change.add("shard", id=f"shard {number}", input={"tests": found[start : start + size]}, before="verdict")
oarlock.output({"tests": len(found)})
