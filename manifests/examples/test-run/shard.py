"""Runs its tests, notes the results, and (a shard) asks for another try of each test that failed, by itself."""

import io
import json
import os
import unittest

import oarlock

is_retest = len(oarlock.input["tests"]) == 1 and oarlock.node.startswith("again: ")
results = {}
for name in oarlock.input["tests"]:
    words = io.StringIO()
    outcome = unittest.TextTestRunner(stream=words).run(unittest.defaultTestLoader.loadTestsFromName(name))
    results[name] = outcome.wasSuccessful()
    if not outcome.wasSuccessful():
        print(words.getvalue())

failed = [name for name, is_good in results.items() if not is_good]
if not is_retest:
    with oarlock.change() as change:
        for name in failed:
            change.add("retest", id=f"again: {name}", input={"tests": [name]}, before="verdict")
with open(os.path.join(oarlock.scratch, f"{oarlock.node}.json"), "w") as out:
    json.dump({"isRetest": is_retest, "results": results}, out)
oarlock.output({"passed": len(results) - len(failed), "failed": failed})
