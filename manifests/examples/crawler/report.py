"""All pages are read: which there are, and which links lead nowhere."""

import json
from pathlib import Path

import oarlock

notes = [json.loads(file.read_text()) for file in sorted(Path(oarlock.scratch).glob("*.json"))]
broken = {note["path"] for note in notes if note["broken"]}
oarlock.output(
    {
        "pages": sorted(note["path"] for note in notes if not note["broken"]),
        "broken": [
            {"from": note["path"], "to": link} for note in notes for link in note["links"] if link in broken
        ],
    }
)
