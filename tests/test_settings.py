"""Windows, presets, filters and names of metrics: what settings accept, refuse and say."""

import pickle
import re
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from pathlib import Path

import pytest
from builders import ANNOUNCED, DAY, HOUR

from klavnb.errors import SettingsError
from klavnb.metrics import METRICS, RENAMED_METRICS
from klavnb.settings import Settings
from klavnb.windows import LONGEST_WINDOW, PRESETS, describe_window, parse_window, parse_windows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "klavnb.toml"


def read(file: Path, text: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    return Settings.read_toml(file)


def refuse(words: str) -> pytest.RaisesExc:
    """Expect an error that says these words."""
    return pytest.raises(SettingsError, match=re.escape(words))


# One window


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("5d", timedelta(days=5)),
        ("1.5d", timedelta(hours=36)),
        (" 5d ", timedelta(days=5)),
        ("90d", LONGEST_WINDOW),
        ("2160h", LONGEST_WINDOW),
        ("none", None),
        (" None ", None),
    ],
)
def test_a_window_is_a_number_and_a_unit_or_none(text: str, window: timedelta | None) -> None:
    assert parse_window(text) == window


@pytest.mark.parametrize(
    "text", ["", "5", "d", "5 days", "5 d", "-5d", "+5d", "1,5d", ".5d", "1e1d", "5w", "5D", "nil"]
)
def test_what_is_no_window_is_refused_with_what_was_found(text: str) -> None:
    with refuse(f"found {text!r}") as caught:
        parse_window(text)
    assert "Write 90m, 12h, 5d or none." in str(caught.value)


@pytest.mark.parametrize("text", ["0d", "0.0h", "91d", "90.1d", "2161h", "99999999999999999999d"])
def test_a_window_of_nothing_or_of_more_than_90_days_is_refused(text: str) -> None:
    with refuse("at most 90 days") as caught:
        parse_window(text)
    assert f"found {text!r}" in str(caught.value)
    assert "write none" in str(caught.value)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (5 * DAY, "5 days"),
        (DAY, "1 day"),
        (36 * HOUR, "36 hours"),
        (HOUR, "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(minutes=1), "1 minute"),
    ],
)
def test_a_window_is_said_in_the_largest_unit_that_fits(window: timedelta, words: str) -> None:
    assert describe_window(window) == words


# Several windows


def test_windows_are_named_by_channel_and_kind_or_by_channel() -> None:
    assert parse_windows(["email.open=5d", "sms = 12h", "push.open=none"]) == {
        "email.open": 5 * DAY,
        "sms": 12 * HOUR,
        "push.open": None,
    }


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("email.open", "found 'email.open'"),
        ("email.read=5d", "no kind of touch called 'email.read'"),
        ("email.received=5d", "no kind of touch called 'email.received'"),
        ("fax=5d", "no kind of touch called 'fax'"),
        ("=5d", "no kind of touch called ''"),
        ("email.open=soon", "found 'soon'"),
        ("email.open=", "found ''"),
    ],
)
def test_what_names_no_window_is_refused(pair: str, words: str) -> None:
    with refuse(words):
        parse_windows([pair])


def test_replacing_windows_leaves_the_others_and_the_original() -> None:
    changed = ANNOUNCED.with_windows({"sms.click": 5 * DAY, "sms.delivery": 12 * HOUR, "push.open": None})
    assert changed.windows == {
        "email.open": 5 * DAY,
        "email.click": 5 * DAY,
        "sms.click": 5 * DAY,
        "sms.delivery": 12 * HOUR,
    }
    assert ANNOUNCED.windows == PRESETS["2022"]


def test_a_bare_channel_means_its_kinds_that_are_on() -> None:
    assert ANNOUNCED.with_windows({"sms": 3 * DAY}).windows["sms.click"] == 3 * DAY
    assert "sms.delivery" not in ANNOUNCED.with_windows({"sms": 3 * DAY}).windows
    assert ANNOUNCED.with_windows({"email": None}).windows.keys() == {"sms.click", "push.open"}


def test_without_any_window_nothing_could_be_attributed() -> None:
    with refuse("No kind of touch has a window"):
        ANNOUNCED.with_windows({"email": None, "sms": None, "push": None})


# Presets


@pytest.mark.parametrize(
    ("preset", "windows"),
    [
        ("2022", {"email.open": 5 * DAY, "email.click": 5 * DAY, "sms.click": DAY, "push.open": DAY}),
        (
            "2024",
            {
                "email.open": 5 * DAY,
                "email.click": 5 * DAY,
                "sms.click": 5 * DAY,
                "sms.delivery": 12 * HOUR,
                "push.open": DAY,
            },
        ),
        (
            "2026",
            {
                "email.open": 5 * DAY,
                "email.click": 5 * DAY,
                "sms.click": 5 * DAY,
                "sms.delivery": 12 * HOUR,
                "sms.open": DAY,
                "push.open": DAY,
                "whatsapp.click": 5 * DAY,
                "whatsapp.open": 12 * HOUR,
                "session.session": DAY,
            },
        ),
    ],
)
def test_a_preset_is_klaviyo_s_defaults_of_its_time(preset: str, windows: dict[str, timedelta]) -> None:
    settings = Settings.preset(preset)
    assert settings.windows == windows
    assert settings.exclude_bot_clicks is (preset != "2022")
    assert settings == Settings(windows=windows, exclude_bot_clicks=preset != "2022")


def test_the_settings_without_a_word_are_those_of_the_announcement() -> None:
    settings = Settings()
    assert settings == Settings.preset("2022")
    assert settings.anchor == "received"
    assert settings.conversion_metric == "Placed Order"
    assert not settings.exclude_machine_opens
    assert not settings.exclude_bot_clicks
    assert not settings.excluded_messages
    assert not settings.net_of_refunds


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with refuse("2022, 2024, 2026"):
        Settings.preset("2023")


def test_the_longest_window_is_how_far_one_has_to_look_back() -> None:
    assert ANNOUNCED.longest_window == 5 * DAY
    assert ANNOUNCED.with_windows({"push.open": 30 * DAY}).longest_window == 30 * DAY


# Settings that could only give a wrong answer


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"anchor": "sent"}, "received or touched; found 'sent'"),
        ({"conversion_metric": ""}, "conversion metric has no name"),
        ({"windows": {}}, "No kind of touch has a window"),
        ({"windows": {"email": DAY}}, "no kind of touch called email"),
        ({"windows": {"email.received": DAY}}, "no kind of touch called email.received"),
        ({"windows": {"email.open": timedelta(0)}}, "window of email.open"),
        ({"windows": {"email.open": -DAY}}, "window of email.open"),
        ({"windows": {"email.open": 91 * DAY}}, "window of email.open"),
        ({"metrics": {"Opened": "email.opened"}}, "no role called email.opened"),
        ({"metrics": {"Opened": "email"}}, "no role called email"),
    ],
)
def test_settings_that_could_only_give_a_wrong_answer_are_refused(wrong: dict, words: str) -> None:
    with refuse(words):
        Settings(**wrong)


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        ANNOUNCED.anchor = "touched"


def test_settings_travel_to_another_process_and_a_preset_is_nobodys_to_change() -> None:
    assert pickle.loads(pickle.dumps(ANNOUNCED)) == ANNOUNCED  # noqa: S301 - our own bytes
    assert Settings.preset("2022").windows is not Settings.preset("2022").windows


# Names of metrics


def test_what_a_customer_sends_has_no_role() -> None:
    assert "Sent SMS" not in METRICS
    assert RENAMED_METRICS["Sent Text Message"] == "Sent SMS"


@pytest.mark.parametrize(
    "metric",
    [
        "Bounced Email",
        "Dropped Email",
        "Marked Email as Spam",
        "Unsubscribed",
        "Unsubscribed from List",
        "Failed to Deliver SMS",
        "Unsubscribed from SMS Marketing",
        "Bounced Push",
    ],
)
def test_outcomes_that_are_no_interest_have_no_role(metric: str) -> None:
    assert metric not in METRICS


@pytest.mark.parametrize(
    ("new", "role"),
    [
        ("Received Text Message", "sms.received"),
        ("Clicked Text Message", "sms.click"),
        ("Opened Text Message", "sms.open"),
    ],
)
def test_the_names_of_july_2026_have_the_role_of_the_old_ones(new: str, role: str) -> None:
    assert METRICS[RENAMED_METRICS[new]] == role


def test_a_metric_is_renamed_to_a_name_that_stays() -> None:
    assert not set(RENAMED_METRICS.values()) & set(RENAMED_METRICS)


def test_an_account_s_own_metrics_come_on_top_and_win() -> None:
    settings = replace(ANNOUNCED, metrics={"Geöffnete E-Mail": "email.open", "Opened Text": "whatsapp.open"})
    assert settings.roles == {**METRICS, "Geöffnete E-Mail": "email.open", "Opened Text": "whatsapp.open"}


def test_an_account_s_own_metrics_are_known_by_the_name_that_loading_keeps() -> None:
    settings = replace(ANNOUNCED, metrics={"Received Text Message": "whatsapp.received"})
    assert settings.roles["Received SMS"] == "whatsapp.received"
    assert "Received Text Message" not in settings.roles


# A file


def test_an_empty_file_is_the_announcement(file: Path) -> None:
    assert read(file, "") == ANNOUNCED


def test_a_file_says_everything(file: Path) -> None:
    settings = read(
        file,
        """
        preset = "2024"
        anchor = "touched"
        conversion_metric = "Booked a Table"
        exclude_machine_opens = true
        exclude_bot_clicks = false
        excluded_messages = ["M1", "M2"]
        net_of_refunds = true

        [windows]
        "email.open" = "3d"
        "sms.delivery" = "none"
        push = "12h"

        [metrics]
        "Geöffnete E-Mail" = "email.open"
        """,
    )
    assert settings == Settings(
        windows={"email.open": 3 * DAY, "email.click": 5 * DAY, "sms.click": 5 * DAY, "push.open": 12 * HOUR},
        anchor="touched",
        conversion_metric="Booked a Table",
        exclude_machine_opens=True,
        exclude_bot_clicks=False,
        excluded_messages=("M1", "M2"),
        net_of_refunds=True,
        metrics={"Geöffnete E-Mail": "email.open"},
    )


def test_what_a_file_does_not_say_is_the_preset_s(file: Path) -> None:
    assert read(file, 'preset = "2026"') == Settings.preset("2026")


def test_a_window_s_name_may_be_written_without_quotes(file: Path) -> None:
    assert read(file, '[windows]\nemail.open = "3d"') == read(file, '[windows]\n"email.open" = "3d"')


def test_a_metric_s_name_may_hold_a_dot(file: Path) -> None:
    assert read(file, '[metrics]\n"Shop.Opened" = "email.open"').metrics == {"Shop.Opened": "email.open"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("anchor = ", "is not TOML"),
        ('achor = "touched"', "there is no setting called achor"),
        ('anchor = "sent"', "found 'sent'"),
        ("preset = 2022", "preset should be text in quotes, found 2022"),
        ('preset = "2023"', "no preset '2023'"),
        ('exclude_bot_clicks = "yes"', "exclude_bot_clicks should be true or false, found 'yes'"),
        ("exclude_bot_clicks = 1", "exclude_bot_clicks should be true or false, found 1"),
        ('excluded_messages = "M1"', "excluded_messages should be a list, found 'M1'"),
        ('windows = "5d"', "windows should be a table, found '5d'"),
        ("[windows]\nemail = 5", "found '5'"),
        ('[windows]\nemail.read = "5d"', "no kind of touch called 'email.read'"),
        ('[metrics]\n"Opened" = "email.opened"', "no role called email.opened"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_what_was_found(file: Path, text: str, words: str) -> None:
    with refuse(words):
        read(file, text)


def test_an_error_in_a_file_names_the_file_and_the_settings_there_are(file: Path) -> None:
    with refuse(str(file)) as caught:
        read(file, 'achor = "touched"')
    assert "anchor, conversion_metric" in str(caught.value)


def test_a_file_that_is_missing_or_no_text_is_refused_by_name(file: Path) -> None:
    with refuse(f"{file} cannot be read"):
        Settings.read_toml(file)
    file.write_bytes(b"\xff\xfe\x00")
    with refuse(f"{file} cannot be read"):
        Settings.read_toml(file)


# Options of a command or a notebook


def test_options_left_empty_are_the_announcement() -> None:
    assert Settings.from_options() == ANNOUNCED


def test_options_replace_their_part_of_the_preset() -> None:
    settings = Settings.from_options(
        preset="2024", windows="email=3d, sms.delivery=none", anchor="touched", exclude_bot_clicks=False
    )
    assert settings == replace(
        Settings.preset("2024").with_windows({"email": 3 * DAY, "sms.delivery": None}),
        anchor="touched",
        exclude_bot_clicks=False,
    )


def test_windows_are_options_as_one_text_or_one_by_one() -> None:
    as_text = Settings.from_options(windows="email.open=3d, sms=2d,")
    assert as_text == Settings.from_options(windows=["email.open=3d", "sms=2d"])
    assert as_text.windows["sms.click"] == 2 * DAY


def test_options_replace_their_part_of_a_file(file: Path) -> None:
    file.write_text('preset = "2026"\nexclude_machine_opens = true\nnet_of_refunds = true', encoding="utf-8")
    settings = Settings.from_options(file=file, conversion_metric="Booked a Table", net_of_refunds=False)
    assert settings == replace(
        Settings.preset("2026"), exclude_machine_opens=True, conversion_metric="Booked a Table", net_of_refunds=False
    )


def test_a_file_and_a_preset_together_are_refused(file: Path) -> None:
    with refuse("A settings file and a preset were both given."):
        Settings.from_options(file=file, preset="2024")


# In words


def test_settings_describe_themselves_in_sentences() -> None:
    assert ANNOUNCED.describe() == (
        "Windows: E-mail click 5 days, E-mail open 5 days, Push open 1 day, SMS click 1 day. "
        "The window runs from the message's receipt (push and visits: from the touch)."
    )


def test_settings_describe_every_choice_that_was_made() -> None:
    settings = Settings(
        windows={"email.open": 36 * HOUR},
        anchor="touched",
        exclude_machine_opens=True,
        exclude_bot_clicks=True,
        excluded_messages=("M1", "M2"),
        net_of_refunds=True,
    )
    assert settings.describe() == (
        "Windows: E-mail open 36 hours. The window runs from the touch. Machine opens are left out. "
        "Bot clicks are left out. Left out by id: 2 messages. Refunds and cancels are subtracted."
    )


# What would only look like a setting


@pytest.mark.parametrize("text", ["0.0000000001m", "\uff15d", "0d", "5 days", "-1d", "91d", "1e9d"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="window"):
        parse_window(text)


def test_a_window_of_seconds_says_so() -> None:
    assert describe_window(timedelta(seconds=90)) == "90 seconds"


def test_a_kind_keeps_its_own_window_beside_its_channels_whatever_the_order() -> None:
    for pairs in (["email.open=1d", "email=3d"], ["email=3d", "email.open=1d"]):
        windows = ANNOUNCED.with_windows(parse_windows(pairs)).windows
        assert (windows["email.open"], windows["email.click"]) == (timedelta(days=1), timedelta(days=3))


def test_a_channel_without_a_kind_that_is_on_cannot_get_a_window_but_can_be_switched_off_again() -> None:
    with pytest.raises(SettingsError, match="whatsapp"):
        ANNOUNCED.with_windows({"whatsapp": timedelta(days=1)})
    assert ANNOUNCED.with_windows({"whatsapp": None}) == ANNOUNCED


def test_a_touch_cannot_be_the_conversion_too() -> None:
    for name in ("Clicked SMS", "Clicked Text Message"):
        with pytest.raises(SettingsError, match="earn itself"):
            Settings(conversion_metric=name)
