"""Several accounts at once: a folder each, called by its label, and an index over them."""

from pathlib import Path
from typing import Any

import pytest
from pages import write_small_report

from klavnb.errors import ExportError, KlavnbError, SettingsError
from klavnb.report import ReportResult, lint_page, make_account_reports, name_accounts, write_index


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        (["exports/2026"], {"": "exports/2026"}),
        (["prints=exports/2026"], {"prints": "exports/2026"}),
        (["exports/prints", "exports/frames.zip"], {"prints": "exports/prints", "frames": "exports/frames.zip"}),
        (["Größe & Co=a", "b=c=d"], {"Größe & Co": "a", "b": "c=d"}),
        (["../x=a", "b"], {"x=a": "../x=a", "b": "b"}),
    ],
)
def test_data_are_labelled_or_called_after_their_last_part(texts: list[str], named: dict[str, str]) -> None:
    assert name_accounts(texts) == {label.replace("=", "-"): data for label, data in named.items()}


@pytest.mark.parametrize(
    "texts",
    [
        ["Größe & Co.=a", "b"],
        ["con=a", "b"],
        [".=a", "b"],
        ["..=a", "b"],
        ["a=x", "A=y"],
        ["exports/may", "backup/may"],
        ["<b>=a", "b"],
        ["jane@example.com=a", "b"],
    ],
)
def test_a_label_that_is_no_folders_name_on_every_system_is_refused(texts: list[str]) -> None:
    with pytest.raises(SettingsError, match="--data"):
        name_accounts(texts)


class TestRun:
    @pytest.fixture
    def made(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """What was asked of each account; instead of kernels, a page is written, but for broken data."""
        asked: list[dict[str, Any]] = []

        def make(names: object, *, parameters: dict[str, Any], out: Path, **options: object) -> list[ReportResult]:
            asked.append({"names": names, "parameters": parameters, "out": out, **options})
            if parameters["data"] == "broken":
                raise ExportError("broken: expected events, found none.")
            amount = {"a": 1200.0, "b": 800.0}[parameters["data"]]
            path = write_small_report(out / "good.html", figures=[("Revenue", amount, "EUR")])
            write_index(out, kind="account", label=str(options["label"]))
            return [ReportResult(name="good", path=path, title="Good", parameters={}, seconds=0.1)]

        monkeypatch.setattr("klavnb.report.accounts.make_reports", make)
        return asked

    def test_each_has_its_folder_and_the_index_puts_them_side_by_side(
        self, made: list[dict[str, Any]], tmp_path: Path
    ) -> None:
        results, broken = make_account_reports(
            {"Prints & Co": "a", "frames": "b"}, ["good"], parameters={"top_n": 5}, out=tmp_path, tables=tmp_path / "t"
        )
        assert [result.path.parent.name for result in results] == ["Prints & Co", "frames"]
        assert broken == {}
        assert made[1]["parameters"] == {"data": "b", "top_n": 5}
        assert made[1]["tables"] == tmp_path / "t" / "frames"
        index = (tmp_path / "index.html").read_text(encoding="utf-8")
        assert '<a href="Prints &amp; Co/index.html">Prints &amp; Co</a>' in index
        assert index.index("EUR 1,200") < index.index("EUR 800")
        assert "2026-08-31</span>" in index
        assert lint_page(index) == []

    @pytest.mark.usefixtures("made")
    def test_one_with_broken_data_does_not_stop_the_others(self, tmp_path: Path) -> None:
        results, broken = make_account_reports({"x": "broken", "y": "a"}, [], parameters={}, out=tmp_path)
        assert [result.name for result in results] == ["good"]
        assert "expected events" in str(broken["x"])
        assert "<strong>failed</strong>: broken: expected events" in (tmp_path / "index.html").read_text(
            encoding="utf-8"
        )
        with pytest.raises(KlavnbError, match="expected events"):
            make_account_reports({"x": "broken"}, [], parameters={}, out=tmp_path)

    def test_a_foreign_index_is_never_replaced(self, made: list[dict[str, Any]], tmp_path: Path) -> None:
        (tmp_path / "index.html").write_text("mine")
        with pytest.raises(SettingsError, match="was not made by klavnb"):
            make_account_reports({"x": "a"}, [], parameters={}, out=tmp_path)
        assert made == []


def test_an_account_of_periods_shows_its_last_one_beside_the_one_before(tmp_path: Path) -> None:
    for name, amount in (("2026-Q1", 1000.0), ("2026-Q2", 900.0)):
        write_small_report(tmp_path / "shop" / name / "good.html", figures=[("Revenue", amount, "EUR")])
        write_index(tmp_path / "shop" / name, kind="period", label=name)
    write_index(tmp_path / "shop", kind="account", label="shop")
    index = write_index(tmp_path).read_text(encoding="utf-8")
    assert "2026-Q2: 1 final" in index
    assert "EUR 900" in index
    assert "▼ −EUR\u00a0100 (−10.0\u00a0%)" in index
