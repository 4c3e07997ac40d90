"""Publishing: killed at any step, a complete tree stands at DIR or DIR.old and the next command completes; what is not ours is left alone."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from publisher import FILES, die_at, publish

from originmap import cli, manifest, publishing
from originmap.publishing import MANIFEST, OutputError, new_tree

KILLS = int(os.environ.get("ORIGINMAP_SOAK", "5"))


def edition(folder: Path) -> int:
    """Return which edition a tree is, 0 where it is none; a mixture or a half tree fails."""
    told = manifest.read(folder)
    if told is None or "edition" not in told:
        return 0
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*FILES, MANIFEST}
    assert {(folder / name).read_text(encoding="utf-8") for name in FILES} == {str(told["edition"])}
    return int(told["edition"])


def standing(target: Path) -> int:
    """Return the edition that stands, at DIR or else at DIR.old."""
    return edition(target) if target.exists() else edition(target.with_name(f"{target.name}.old"))


def beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="dies in a copy of this process")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("cut_short", [False, True])
def test_killed_at_each_step_a_complete_tree_stands_and_the_next_command_completes(
    tmp_path: Path, *, cut_short: bool
) -> None:
    target = tmp_path / "out"
    for step in range(1, 200):
        publish(target, 2 * step)
        if cut_short:
            # The command before was cut short as well, its old tree half removed.
            target.rename(tmp_path / "out.old")
            publishing.complete_swap(target)
            publish(tmp_path / "two", 1)
            (tmp_path / "two" / FILES[0]).unlink()
            (tmp_path / "two").rename(tmp_path / "out.old")
        child = os.fork()
        if child == 0:
            try:
                die_at(step)
                publish(target, 2 * step + 1)
            finally:
                os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert standing(target) in ({2 * step, 2 * step + 1} if died else {2 * step + 1}), step
        publishing.complete_swap(target)
        assert edition(target) in (2 * step, 2 * step + 1)
        publish(target, 2 * step)
        assert edition(target) == 2 * step
        assert beside(target) == ["out"]
        if not died:
            break
    assert 15 < step < 199


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_at_random_what_was_said_to_stand_stands(tmp_path: Path) -> None:
    """`make soak` kills 100 times and more."""
    target, chance = tmp_path / "out", np.random.default_rng(7)
    said = 0
    for _ in range(KILLS):
        running = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("publisher.py")), str(target), str(said + 1)],
            stdout=subprocess.PIPE,
            text=True,
        )
        first = running.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.05))
        running.send_signal(signal.SIGKILL)
        lines = (first + running.communicate()[0]).split("\n")[:-1]
        assert lines, "it could not publish"
        said = max(said, *map(int, lines))
        assert standing(target) >= said
        said = standing(target)
    publish(target, said + 1)
    assert edition(target) == said + 1
    assert beside(target) == ["out"]


@pytest.mark.parametrize("where", ["out", "out.new", "out.old"])
def test_what_is_not_ours_is_never_touched(tmp_path: Path, where: str) -> None:
    (tmp_path / where).mkdir()
    (tmp_path / where / "论文.docx").write_text("不要动", encoding="utf-8")
    with pytest.raises(OutputError, match=f"{where} 里有别的文件"):
        publish(tmp_path / "out", 1)
    assert beside(tmp_path / where) == [where]
    assert (tmp_path / where / "论文.docx").read_text(encoding="utf-8") == "不要动"


def test_a_tree_that_was_being_built_is_no_complete_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    publish(target, 1)
    target.rename(tmp_path / "out.old")
    (tmp_path / "out.new").mkdir()
    (tmp_path / "out.new" / MANIFEST).write_text(
        json.dumps({"made_by": "originmap", "building": True}), encoding="utf-8"
    )
    publishing.complete_swap(target)
    assert edition(target) == 1


def test_hidden_files_of_the_folder_stay(tmp_path: Path) -> None:
    publish(tmp_path / "out", 1)
    (tmp_path / "out" / ".DS_Store").write_text("x", encoding="utf-8")
    publish(tmp_path / "out", 2)
    assert (tmp_path / "out" / ".DS_Store").exists()


@pytest.mark.parametrize(
    "broken", [OSError(errno.ENOSPC, "No space left on device", "图.png"), RuntimeError("sqlite: disk I/O")]
)
def test_a_full_disk_is_one_clear_line_and_leaves_the_old_tree(
    tmp_path: Path, broken: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    publish(target, 1)

    def command(_: object) -> int:
        with new_tree(target, tmp_path / "inbox") as (build, _place):
            (build / "half.csv").write_text("x", encoding="utf-8")
            raise broken

    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr(publishing.shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(cli, "_check", command)
    assert cli.main(["check"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("originmap: 磁盘满了")
    assert said.count("\n") == 1
    assert edition(target) == 1
    assert beside(target) == ["out"]
    usage.free = 2**30
    if not isinstance(broken, OSError):
        # With room on the disk it is what it says that it is.
        with pytest.raises(RuntimeError, match="sqlite"):
            cli.main(["check"])


def test_a_place_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "文件").write_text("x", encoding="utf-8")
    inbox = str(root / "data/sample/anxi/2023-02")
    assert cli.main(["check", inbox, "--no-returns", "--out", str(tmp_path / "文件" / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("originmap: 路径中有一段是文件，不是文件夹")

    def denied(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", denied)
    assert cli.main(["check", inbox, "--no-returns", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("originmap: 没有写入或读取的权限")
    assert beside(tmp_path / "文件") == ["文件"]
