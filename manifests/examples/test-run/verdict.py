"""What is broken, and what only fails now and then."""

import json
from pathlib import Path

import oarlock

notes = [json.loads(file.read_text()) for file in Path(oarlock.scratch).glob("*.json")]
first = {name: good for note in notes if not note["isRetest"] for name, good in note["results"].items()}
again = {name: good for note in notes if note["isRetest"] for name, good in note["results"].items()}
flaky = sorted(name for name, good in again.items() if good)
broken = sorted(name for name, good in again.items() if not good)
oarlock.output({"passed": sum(first.values()), "flaky": flaky, "broken": broken})
if broken and oarlock.input.get("strict"):
    raise oarlock.Failure("TestsFailed", f"{len(broken)} broken: {', '.join(broken)}")
