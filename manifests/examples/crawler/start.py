"""Begins with one page."""

import oarlock

first = oarlock.input.get("start", "index.html")
oarlock.add("page", id=f"page/{first}", input={"path": first}, before="report")
