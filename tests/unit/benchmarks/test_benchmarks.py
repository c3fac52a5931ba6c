"""The benchmarks' own arithmetic: medians, ratios, the order of the peers, reports of processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.peers import BASE, DEFAULT, PEERS, chosen, in_turn  # noqa: E402
from benchmarks.processes import BenchmarkError, Process, Report  # noqa: E402
from benchmarks.report import Column, medians, table, write_json  # noqa: E402


def test_medians_are_taken_figure_by_figure_over_the_runs_that_have_it() -> None:
    assert medians([{"cpu": 3.0}, {"cpu": 1.0, "wall": 9.0}, {"cpu": 2.0}]) == {"cpu": 2.0, "wall": 9.0}


def test_a_table_has_ratios_to_the_base_and_dashes_for_what_was_not_measured() -> None:
    columns = (Column("CPU s", "cpu", digits=1, ratio=True), Column("MB", "rss", 1e-6, 0))
    samples = {"a": [{"cpu": 1.0, "rss": 5e6}], BASE: [{"cpu": 2.0}]}
    assert table(columns, samples, {"a": "A", BASE: "Base"}, BASE).splitlines() == [
        "|  | CPU s | MB |",
        "| --- | ---: | ---: |",
        "| A | 1.0 (0.50×) | 5 |",
        "| Base | 2.0 (1.00×) | – |",
    ]


def test_without_the_base_there_are_no_ratios() -> None:
    assert "×" not in table((Column("CPU s", "cpu", ratio=True),), {"a": [{"cpu": 1.0}]}, {"a": "A"}, BASE)


def test_each_run_begins_with_another_peer_and_has_everyone_once() -> None:
    peers = chosen(DEFAULT)
    order = [[peer.name for run, peer in in_turn(peers, 3) if run == wanted] for wanted in range(3)]
    assert [run[0] for run in order] == list(DEFAULT[:3])
    assert all(sorted(run) == sorted(DEFAULT) for run in order)


def test_peers_are_found_by_name_and_an_unknown_one_is_named() -> None:
    assert [peer.name for peer in chosen(["kopf", "kopf", BASE])] == ["kopf", BASE]
    assert len(chosen(["all"])) == len(PEERS)
    with pytest.raises(BenchmarkError, match="no such peer: nobody"):
        chosen([BASE, "nobody"])


def test_a_report_keeps_what_only_some_of_them_say() -> None:
    report = Report.parse('{"event": "synced", "cpu": 0.5, "objects": 7}')
    assert (report.event, report.cpu, report.more) == ("synced", 0.5, {"objects": 7})


def test_a_process_is_asked_and_answers() -> None:
    script = (
        "import json, sys\nfor line in sys.stdin: print(json.dumps({'event': line.strip(), 'version': 3}))"
    )
    with Process([sys.executable, "-u", "-c", script], {}) as process:
        assert process.ask("mark", "mark").version == 3


def test_a_process_that_ends_early_is_reported_with_its_last_words() -> None:
    with (
        Process([sys.executable, "-c", "raise SystemExit('no such cluster')"], {}) as process,
        pytest.raises(BenchmarkError, match=r"ended before it reported 'ready'(?s:.*)no such cluster"),
    ):
        process.wait_for("ready")


def test_the_json_has_every_run_and_the_medians(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_json(path, "cold_sync", {"objects": 5}, {BASE: [{"cpu": 1.0}, {"cpu": 3.0}]})
    result = json.loads(path.read_text())
    assert result["medians"] == {BASE: {"cpu": 2.0}}
    assert result["runs"] == {BASE: [{"cpu": 1.0}, {"cpu": 3.0}]}
    assert result["parameters"] == {"objects": 5}
