"""Bundles: made, taken, and refused with a reason while the board stays as it was."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from hamster_bench.cli.leaderboard import plan_episodes
from hamster_bench.cli.main import main
from hamster_bench.errors import StoreError
from hamster_bench.evaluation.protocol import PROTOCOLS, Protocol, make_protocol
from hamster_bench.evaluation.record import EpisodeRecord, Timings
from hamster_bench.evaluation.store import ResultStore
from hamster_bench.leaderboards.bundle import MANIFEST, RECORDS, SubmissionError, read_bundle, write_bundle
from hamster_bench.leaderboards.record_json import record_from_json, record_to_json
from hamster_bench.leaderboards.submission import Checks, add_to_board, board_submissions, check_complete
from hamster_bench.paths import Path2D
from hamster_bench.scenario import Scenario

PROTOCOL = make_protocol("hamster")
TASKS, FACTORS, EPISODES = ("close_box", "stack_cups"), ("no_var", "tab_tex"), 3
WHO = "Jane Doe <jane@example.org>"
CHECKS = Checks(plan_episodes=plan_episodes, fingerprints={"mine": "aaaaaaaaaaaa"})


def record(scenario: Scenario, agent: str = "mine", protocol: Protocol = PROTOCOL) -> EpisodeRecord:
    won = scenario.episode % 2 == 0
    return EpisodeRecord(
        agent=agent,
        agent_fingerprint="aaaaaaaaaaaa",
        protocol=protocol.fingerprint,
        scenario=scenario,
        outcome="success" if won else "failure",
        kind=None if won else "step_limit",
        instruction="närrisch \u2013 \u201cclose\u201d it",
        steps=7,
        control_steps=120,
        episode_return=1.0 if won else 0.0,
        path=Path2D([[0.1, 0.2], [1 / 3, 0.5]], [True, False]).to_json(),
        draws='{"tab_tex": {"texture": "oak"}}',
        timings=Timings(step_wall=0.25),
        versions={"hamster_bench": "0.1.0", "mujoco": "4.0.0"},
    )


def results(folder: Path, *, protocol: Protocol = PROTOCOL, agent: str = "mine", skip: int = 0) -> Path:
    """A results directory as 'hamster-bench run' leaves it; ``skip`` episodes are not played yet."""
    asked: dict[str, Any] = {"agents": [agent], "tasks": TASKS, "factors": FACTORS, "episodes": EPISODES, "seed": 0}
    scenarios = [Scenario(task=t, factor=f, episode=e) for t in TASKS for f in FACTORS for e in range(EPISODES)]
    with ResultStore.for_writing(folder) as store:
        run = store.start_run(protocol, asked | {"protocol": protocol.to_json()})
        for scenario in scenarios[skip:]:
            store.add(run, record(scenario, agent, protocol))
        store.finish_run(run)
    return folder


def bundle_of(folder: Path, file: Path) -> Path:
    with ResultStore.for_reading(folder) as store:
        write_bundle(store, file, WHO)
    return file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results directory, its bundle, and a board that has a submission of somebody else."""
    folder = tmp_path_factory.mktemp("made")
    bundle_of(results(folder / "results"), folder / "bundle.zip")
    other = bundle_of(results(folder / "theirs", agent="theirs"), folder / "theirs.zip")
    add_to_board(other, folder / "board", CHECKS)
    return folder


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made / "bundle.zip", tmp_path))


@pytest.fixture
def board(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "board", tmp_path / "board"))


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(file: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return file


def with_records(file: Path, change: Callable[[list[dict[str, Any]]], Iterable[dict[str, Any]]], **manifest: Any) -> Path:
    """Changes records as somebody would who knows the format: the manifest fits them again."""
    contents = members(file)
    lines = [json.dumps(values) for values in change([json.loads(line) for line in contents[RECORDS].splitlines()])]
    contents[RECORDS] = "".join(f"{line}\n" for line in lines).encode()
    return resealed(file, contents, records=len(lines), **manifest)


def resealed(file: Path, contents: dict[str, bytes], **manifest: Any) -> Path:
    values = json.loads(contents[MANIFEST]) | manifest
    for name, entry in values["files"].items():
        entry |= {"sha256": hashlib.sha256(contents[name]).hexdigest(), "bytes": len(contents[name])}
    return rewritten(file, contents | {MANIFEST: json.dumps(values).encode()})


def tree(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in [folder, *sorted(folder.rglob("*"))]
    }


def refused(file: Path, board: Path, checks: Checks = CHECKS) -> str:
    """The reasons; makes sure that nothing of the board has changed."""
    before = tree(board)
    with pytest.raises(SubmissionError) as caught:
        add_to_board(file, board, checks)
    assert tree(board) == before
    return "\n".join(caught.value.reasons)


def test_a_bundle_holds_every_record_without_loss(made: Path) -> None:
    read = read_bundle(made / "bundle.zip")
    with ResultStore.for_reading(made / "results") as store:
        assert list(read.records) == list(store.records())
    assert read.protocols == {PROTOCOL.fingerprint: PROTOCOL}
    assert (read.submitter, read.agents) == (WHO, {"mine": "aaaaaaaaaaaa"})


def test_the_same_records_make_the_same_bytes(made: Path, bundle: Path, tmp_path: Path) -> None:
    assert bundle_of(made / "results", tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


def test_a_sound_bundle_is_taken_and_kept_as_it_came(bundle: Path, board: Path) -> None:
    acceptance = add_to_board(bundle, board, dataclasses.replace(CHECKS, digest=read_bundle(bundle).digest[:20]))
    assert (acceptance.folder / "bundle.zip").read_bytes() == bundle.read_bytes()
    assert [sorted(other.agents) for _, other in sorted(board_submissions(board), key=lambda pair: str(pair[1].agents))] == [
        ["mine"],
        ["theirs"],
    ]
    note = json.loads((acceptance.folder / "acceptance.json").read_text())
    assert (note["signed_off_by"], note["records"], note["replayed"]) == (WHO, 12, [])


def test_replays_are_drawn_from_all_episodes(bundle: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def replay(record: EpisodeRecord, protocol: Protocol) -> dict[str, tuple[Any, Any]]:
        assert protocol == PROTOCOL
        asked.append(record.scenario.id)
        return {}

    for seed in range(8):
        checks = dataclasses.replace(CHECKS, replay=replay, replays=3, rng=random.Random(seed))
        acceptance = add_to_board(bundle, tmp_path / f"board{seed}", checks)
        assert [scenario for _, scenario in acceptance.replayed] == asked[-3:]
    assert len(set(asked)) > 6


def test_an_agent_that_is_not_here_is_named(bundle: Path, tmp_path: Path) -> None:
    checks = Checks(plan_episodes=plan_episodes, fingerprints={}, replay=lambda record, protocol: 1 / 0, replays=5)
    assert add_to_board(bundle, tmp_path / "board", checks).not_replayable == ("mine",)


def test_changed_outcome(bundle: Path, board: Path) -> None:
    contents = members(bundle)
    contents[RECORDS] = contents[RECORDS].replace(b'"outcome":"failure"', b'"outcome":"success"', 1)
    contents[RECORDS] = contents[RECORDS].replace(b'"kind":"step_limit"', b'"kind":null', 1)
    reasons = refused(rewritten(bundle, contents), board)
    assert "records.jsonl is not the file that was signed off" in reasons


def test_changed_outcome_under_a_new_seal_differs_from_what_was_announced(bundle: Path, board: Path) -> None:
    announced = read_bundle(bundle).digest
    forged = with_records(bundle, lambda rows: [row | WON for row in rows])
    assert "not the bundle that was announced" in refused(forged, board, dataclasses.replace(CHECKS, digest=announced))


WON = {"outcome": "success", "kind": None, "episode_return": 1.0}


def test_changed_outcome_under_a_new_seal_is_found_by_replay(bundle: Path, board: Path) -> None:
    def replay(record: EpisodeRecord, protocol: Protocol) -> dict[str, tuple[Any, Any]]:
        return {"outcome": (record.outcome, "failure")} if record.scenario.episode % 2 else {}

    forged = with_records(bundle, lambda rows: [row | WON for row in rows])
    checks = dataclasses.replace(CHECKS, replay=replay, replays=12)
    reasons = refused(forged, board, checks)
    assert "comes out otherwise when it is run again" in reasons
    assert "outcome: recorded 'success', now 'failure'" in reasons


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"outcome": "success"}, "the outcome success does not go with the kind 'step_limit'"),
        ({"outcome": "success", "kind": None}, "a success after 7 steps with a return of 0.0 is none"),
        ({"outcome": "triumph"}, "outcome is success, failure or error, not 'triumph'"),
        ({"steps": -1}, "steps cannot be -1"),
        ({"steps": 1.5}, "steps cannot be 1.5"),
        ({"steps": True}, "steps cannot be True"),
        ({"episode_return": float("nan")}, "NaN is no number of JSON"),
        ({"scenario": "close_box-v0-no_var-e01-s0"}, "is written otherwise than its id"),
        ({"scenario": "../../etc/passwd"}, "is not a scenario id"),
        ({"agent": "a\nb"}, "agent is no short printable name"),
        ({"agent": "x\u202eevil"}, "agent is no short printable name"),
        ({"path": '{"points": [[5, 5]], "gripper_open": [true]}'}, "path is not understood"),
        ({"draws": "["}, "draws is not understood"),
        ({"message": "\ud800"}, "message holds half of a surrogate pair"),
        ({"timings": {"reset_wall": -1}}, "timings cannot be"),
        ({"versions": {"a": 1}}, "versions cannot be"),
        ({"bonus": 1}, "unknown field 'bonus'"),
    ],
)
def test_a_record_that_says_what_none_says(bundle: Path, board: Path, values: dict[str, Any], said: str) -> None:
    forged = with_records(bundle, lambda rows: [rows[0], rows[1] | values, *rows[2:]])
    reasons = refused(forged, board)
    assert reasons.startswith("records.jsonl, line 2: ")
    assert "\n" not in reasons
    assert said in reasons


def test_many_wrong_records_are_summed_up(bundle: Path, board: Path) -> None:
    reasons = refused(with_records(bundle, lambda rows: [row | {"steps": -1} for row in rows]), board)
    assert reasons.count("steps cannot be") == 8
    assert "and 4 more of the kind" in reasons


def test_missing_episodes(bundle: Path, board: Path) -> None:
    forged = with_records(bundle, lambda rows: [row for row in rows if row["outcome"] == "success"])
    assert "4 of 12 planned episodes are missing: mine on close_box-v0-no_var-e1-s0" in refused(forged, board)


def test_missing_episodes_hidden_by_a_smaller_count(bundle: Path, board: Path) -> None:
    contents = members(bundle)
    contents[RECORDS] = b"".join(contents[RECORDS].splitlines(keepends=True)[:-1])
    assert "records.jsonl holds 11 records, the manifest says 12" in refused(resealed(bundle, contents), board)


def test_episodes_of_no_plan(bundle: Path, board: Path) -> None:
    forged = with_records(bundle, lambda rows: [*rows, rows[0] | {"scenario": "close_box-v0-no_var-e7-s0"}])
    assert "1 episodes are in no declared plan: mine on close_box-v0-no_var-e7-s0" in refused(forged, board)


def test_duplicated_scenarios(bundle: Path, board: Path) -> None:
    forged = with_records(bundle, lambda rows: [*rows, rows[0]])
    assert "1 episodes have more than one record: mine on close_box-v0-no_var-e0-s0" in refused(forged, board)


def test_foreign_protocol(tmp_path: Path, board: Path) -> None:
    easy = dataclasses.replace(PROTOCOL, name="easy", retries=5)
    file = bundle_of(results(tmp_path / "easy", protocol=easy), tmp_path / "easy.zip")
    reasons = refused(file, board)
    assert f"the protocol easy ({easy.fingerprint}) is foreign to this board" in reasons
    accepted = dataclasses.replace(CHECKS, accepted=[easy.fingerprint])
    assert add_to_board(file, board, accepted).folder.is_dir()


def test_protocol_that_is_called_otherwise_than_it_is(bundle: Path, board: Path) -> None:
    contents = members(bundle)
    contents["protocols.json"] = contents["protocols.json"].replace(b'"retries": 0', b'"retries": 9')
    reasons = refused(resealed(bundle, contents), board)
    assert f"the rules called {PROTOCOL.fingerprint} have the fingerprint" in reasons


def test_records_under_rules_that_are_not_there(bundle: Path, board: Path) -> None:
    forged = with_records(bundle, lambda rows: [rows[0] | {"protocol": "0123456789ab"}, *rows[1:]])
    assert "1 records were made under the protocol 0123456789ab, whose rules are not in the bundle" in refused(forged, board)


def test_another_agent_under_a_known_name(bundle: Path, board: Path) -> None:
    checks = dataclasses.replace(CHECKS, fingerprints={"mine": "bbbbbbbbbbbb"})
    assert "the agent of this name here has bbbbbbbbbbbb" in refused(bundle, board, checks)


def test_records_of_two_agents_under_one_name(bundle: Path, board: Path) -> None:
    forged = with_records(bundle, lambda rows: [rows[0] | {"agent_fingerprint": "cccccccccccc"}, *rows[1:]])
    assert "1 records of mine have the fingerprint cccccccccccc, the manifest says aaaaaaaaaaaa" in refused(forged, board)


def test_the_same_bundle_twice(bundle: Path, board: Path) -> None:
    add_to_board(bundle, board, CHECKS)
    assert "it is on the board already" in refused(bundle, board)


def test_the_same_episodes_in_another_bundle(bundle: Path, board: Path) -> None:
    add_to_board(bundle, board, CHECKS)
    again = with_records(bundle, lambda rows: rows, signed_off_by="Somebody Else")
    assert "12 episodes are on the board already" in refused(again, board)


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/passwd", "records.jsonl/../x", "..\\evil", "sub/manifest.json"])
def test_path_traversal_in_names(bundle: Path, board: Path, tmp_path: Path, name: str) -> None:
    before = set(tmp_path.rglob("*"))
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr(name, b"evil")
    assert f"it holds {name!r}" in refused(bundle, board)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_two_files_of_one_name(bundle: Path, board: Path) -> None:
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr(RECORDS, b"")
    assert "it holds 'records.jsonl' 2 times" in refused(bundle, board)


def test_symlink(bundle: Path, board: Path) -> None:
    contents = members(bundle)
    del contents[RECORDS]
    rewritten(bundle, contents)
    link = zipfile.ZipInfo(RECORDS)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr(link, b"/etc/passwd")
    assert "records.jsonl is no plain file but a link or a folder" in refused(bundle, board)


def patched_size(file: Path, size: int) -> Path:
    """Lets the table of contents claim a size for every file."""
    data = bytearray(file.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 24 : at + 28] = struct.pack("<I", size)
        at = data.find(b"PK\x01\x02", at + 4)
    file.write_bytes(data)
    return file


def test_claim_of_ten_gigabytes(bundle: Path, board: Path) -> None:
    reasons = refused(patched_size(bundle, 0xF0000000), board)
    assert f"it says that it unpacks to {3 * 0xF0000000} bytes; a bundle unpacks to at most {2**30}" in reasons


def test_more_data_than_claimed(bundle: Path, board: Path) -> None:
    assert "it is no sound ZIP archive" in refused(patched_size(bundle, 50), board)


def test_zip_bomb(bundle: Path, board: Path) -> None:
    contents = members(bundle) | {RECORDS: b"0" * (64 * 2**20)}
    assert "records.jsonl holds a line of more than" in refused(resealed(bundle, contents), board)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b"[" * 100_000, b'{"format": "hamster_bench_bundle", "version": 2}', b"\xff\xfe"]
)
def test_manifest_that_is_none(bundle: Path, board: Path, text: bytes) -> None:
    assert "manifest" in refused(rewritten(bundle, members(bundle) | {MANIFEST: text}), board) or text.endswith(b"2}")


@pytest.mark.parametrize(
    "values",
    [
        {"signed_off_by": ""},
        {"signed_off_by": "a\nb"},
        {"statement": "whatever"},
        {"agents": ["mine"]},
        {"plans": []},
        {"plans": [{"tasks": ["close_box"]}]},
        {"records": "12"},
        {"hamster_bench": 1},
    ],
)
def test_manifest_with_unusable_entries(bundle: Path, board: Path, values: dict[str, Any]) -> None:
    (name,) = values
    forged = rewritten(bundle, members(bundle) | {MANIFEST: json.dumps(json.loads(members(bundle)[MANIFEST]) | values).encode()})
    assert f"manifest.json holds no usable {name!r}" in refused(forged, board)


def test_plan_beyond_all_bounds(bundle: Path, board: Path) -> None:
    plans = json.loads(members(bundle)[MANIFEST])["plans"]
    forged = with_records(bundle, lambda rows: rows, plans=[plans[0] | {"episodes": 10**12}])
    assert "its plan cannot be carried out: a plan has at most" in refused(forged, board)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + b"\x00" * 18])
def test_file_that_is_no_bundle(board: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    reasons = refused(tmp_path / "x.zip", board)
    assert "it is no sound ZIP archive" in reasons or "it lacks manifest.json" in reasons


def test_every_truncation_is_refused(bundle: Path, board: Path, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    for size in range(0, len(data), max(1, len(data) // 40)):
        (tmp_path / "cut.zip").write_bytes(data[:size])
        refused(tmp_path / "cut.zip", board)


def test_a_refusal_does_not_make_a_board(bundle: Path, tmp_path: Path) -> None:
    forged = with_records(bundle, lambda rows: rows[1:])
    with pytest.raises(SubmissionError):
        add_to_board(forged, tmp_path / "new", CHECKS)
    assert not (tmp_path / "new").exists()


def test_a_directory_of_something_else_is_no_board(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(StoreError, match="is no board"):
        add_to_board(bundle, tmp_path / "photos", CHECKS)


def test_a_bundle_changed_on_the_board_is_noticed(board: Path) -> None:
    (folder,) = (board / "submissions").iterdir()
    with_records(folder / "bundle.zip", lambda rows: [row | WON for row in rows])
    with pytest.raises(SubmissionError, match="another one than was taken"):
        board_submissions(board)


def test_an_unfinished_run_is_not_submitted(tmp_path: Path) -> None:
    with (
        ResultStore.for_reading(results(tmp_path / "unfinished", skip=2)) as store,
        pytest.raises(SubmissionError, match="2 of 12 planned episodes are missing"),
    ):
        check_complete(store, plan_episodes)


def test_merged_results_are_submitted_taken_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(results(tmp_path / "a")), str(results(tmp_path / "b", agent="theirs")), str(results(tmp_path / "again"))]
    merged, file, board = str(tmp_path / "merged"), str(tmp_path / "merged.zip"), str(tmp_path / "board")
    assert main(["merge", *folders, "--out", merged]) == 0
    assert "24 records, 12 duplicates left out" in capsys.readouterr().out
    assert main(["submit", merged, "--out", file, "--sign-off", WHO]) == 0
    assert main(["leaderboard", "add", file, "--board", board, "--replay", "0"]) == 0
    assert "taken: 24 records of mine, theirs" in capsys.readouterr().out
    # The board and the merged directory hold the same episodes; each counts once.
    assert main(["leaderboard", "build", board, merged, "--out", str(tmp_path / "site"), "--pictures", "0"]) == 0
    assert "24 records of 2 agents" in capsys.readouterr().out
    assert "24 records stand in several sources and agree" in (tmp_path / "site" / "method.html").read_text(encoding="utf-8")


def test_results_kept_apart_in_a_merge_are_not_what_was_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = results(tmp_path / "a"), tmp_path / "b"
    asked = {"agents": ["mine"], "tasks": ["close_box"], "factors": ["no_var"], "episodes": 2, "seed": 0}
    with ResultStore.for_writing(second) as store:
        run = store.start_run(PROTOCOL, asked | {"protocol": PROTOCOL.to_json()})
        for episode in range(2):
            store.add(run, dataclasses.replace(record(Scenario(task="close_box", episode=episode)), agent_fingerprint="b" * 12))
        store.finish_run(run)
    merged, file = str(tmp_path / "merged"), tmp_path / "merged.zip"
    assert main(["merge", str(first), str(second), "--out", merged, "--on-conflict", "keep_apart"]) == 1
    assert main(["submit", merged, "--out", str(file), "--sign-off", WHO]) == 2
    assert "2 episodes are in no declared plan: mine@b on close_box-v0-no_var-e0-s0" in capsys.readouterr().err
    assert not file.exists()
    assert main(["submit", str(second), "--out", str(file), "--sign-off", WHO]) == 0


def test_a_bundle_replaces_nothing(made: Path, bundle: Path) -> None:
    before = bundle.read_bytes()
    with pytest.raises(SubmissionError, match="it exists already"):
        bundle_of(made / "results", bundle)
    assert bundle.read_bytes() == before


def test_records_survive_json() -> None:
    for episode in range(2):
        original = record(Scenario(task="close_box", episode=episode))
        assert record_from_json(record_to_json(original)) == original


def test_commands(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", str(made / "results"), "--out", str(tmp_path / "b.zip"), "--sign-off", WHO]) == 0
    digest = read_bundle(tmp_path / "b.zip").digest
    assert f"digest: {digest}" in capsys.readouterr().out
    add = ["leaderboard", "add", str(tmp_path / "b.zip"), "--board", str(tmp_path / "board"), "--digest", digest]
    assert main(add) == 0
    said = capsys.readouterr().out
    assert f"taken: 12 records of mine, signed off by {WHO}" in said
    assert "not run again, since they do not exist here: mine" in said
    assert main(add) == 2
    assert "it is on the board already" in capsys.readouterr().err
    assert PROTOCOL.fingerprint in {PROTOCOLS.get(name).fingerprint for name in PROTOCOLS.names()}


@pytest.mark.slow
def test_a_real_run_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", "--agents", "random", "--tasks", "slide_block_to_target", "--episodes", "2", "--out", str(tmp_path / "r")]
    assert main(run) == 0
    assert main(["submit", str(tmp_path / "r"), "--out", str(tmp_path / "b.zip"), "--sign-off", WHO]) == 0
    forged = bundle_of(tmp_path / "r", tmp_path / "forged.zip")
    with_records(forged, lambda rows: [row | WON | {"steps": 3} for row in rows])
    add = ["leaderboard", "add", "--board", str(tmp_path / "board"), "--replay", "1"]
    assert main([*add, str(forged)]) == 2
    assert "comes out otherwise when it is run again" in capsys.readouterr().err
    assert not (tmp_path / "board").exists()
    assert main([*add, str(tmp_path / "b.zip")]) == 0
    assert "run again: 1 episodes, all as recorded" in capsys.readouterr().out
