"""A process that decides again and again until it is killed, and says on stdout what it was told is saved."""

import sys
from pathlib import Path

from originmap.decisions import Person, Store, Verdict

if __name__ == "__main__":
    store, me = Store(Path(sys.argv[1])), Person(sys.argv[2], "种植业股")
    number = 0
    while True:
        number += 1
        verdict = Verdict("point", {"record_id": f"{sys.argv[2]}-{number}"}, {"lon": 118.0, "lat": 25.0}, "试验")
        # Written and flushed after the store has answered: every line is a promise.
        sys.stdout.write(store.record(verdict, by=me) + "\n")
        sys.stdout.flush()
