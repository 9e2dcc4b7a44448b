"""Reads one page, notes what it found, and adds the pages that it links to.

Two pages may link to the same third one, at the same time: its node has the same words whoever adds it, and the same words under the
same id change nothing. So there is no list of pages seen, and no lock around it.
"""

import json
import os
from html.parser import HTMLParser
from pathlib import Path

import oarlock

SITE = Path(__file__).parent / "site"


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []
        self.title = ""
        self.is_title = False

    def handle_starttag(self, tag, attributes):
        self.is_title = tag == "title"
        href = dict(attributes).get("href")
        if tag == "a" and href and "://" not in href:
            self.found.append(href.split("#")[0])

    def handle_endtag(self, tag):
        self.is_title = False

    def handle_data(self, data):
        if self.is_title:
            self.title += data


path = oarlock.input["path"]
file = SITE / path
note = {"path": path, "links": [], "broken": not file.is_file()}
if file.is_file():
    links = Links()
    links.feed(file.read_text())
    targets = [os.path.normpath(os.path.join(os.path.dirname(path), link)) for link in links.found if link]
    note.update(title=links.title, links=sorted(set(targets)))
    with oarlock.change() as change:
        for target in note["links"]:
            change.add("page", id=f"page/{target}", input={"path": target}, after="start", before="report")
        change.display(oarlock.node, label=links.title or path)
oarlock.output(note)
with open(os.path.join(oarlock.scratch, f"{path.replace('/', '__')}.json"), "w") as out:
    json.dump(note, out)
