"""A process that publishes small trees: again and again until it is killed, or once, dying at one of its steps.

``publisher.py DIR EDITION`` publishes editions from EDITION on, each said on stdout when it stands; ``publisher.py DIR EDITION STEP`` publishes one and
dies before its STEP-th change of the disk, as a power cut would end it.
"""

import itertools
import json
import os
import sys
from pathlib import Path

from originmap.publishing import MANIFEST, new_tree

STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "open"}
FILES = ("index.html", "maps/图.png", "tables/表.xlsx")


def publish(target: Path, edition: int) -> None:
    """Publish a tree of a few files, each holding the edition's number."""
    with new_tree(target, target.parent / "inbox") as (build, place):
        for name in FILES:
            (build / name).parent.mkdir(exist_ok=True)
            (build / name).write_text(str(edition), encoding="utf-8")
        beside = build / f".{MANIFEST}"
        beside.write_text(json.dumps({"made_by": "originmap", "edition": edition}), encoding="utf-8")
        beside.replace(build / MANIFEST)
        place()


def die_at(step: int) -> None:
    """End this process before the step-th change."""
    count = itertools.count(1)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in STEPS and (event != "open" or "w" in str(arguments[1])) and next(count) == step:
            os._exit(9)

    sys.addaudithook(watch)
    whole = Path.write_text

    def in_two_steps(self: Path, text: str, **options: str) -> int:
        # A file is there before its content is.
        whole(self, "", **options)
        return whole(self, text, **options)

    Path.write_text = in_two_steps  # type: ignore[method-assign]


if __name__ == "__main__":
    folder, first = Path(sys.argv[1]), int(sys.argv[2])
    if len(sys.argv) > 3:
        die_at(int(sys.argv[3]))
        publish(folder, first)
    else:
        for number in itertools.count(first):
            publish(folder, number)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
