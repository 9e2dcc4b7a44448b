import random

import oarlock

parts = oarlock.input.get("parts", random.randint(0, 5))
with oarlock.change() as change:  # All of them, or none.
    for number in range(parts):
        change.add("M", id=f"part {number}", input={"number": number}, before="B")
oarlock.output({"parts": parts})
