import random

import oarlock

decision = random.choice(["A", "B"])
oarlock.add(decision, id=decision)
oarlock.output({"decision": decision})
