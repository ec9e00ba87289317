"""The settings of an attribution: windows, anchor, filters, names of metrics; presets and TOML.

What Klaviyo documents is a preset here; what it leaves undocumented is a setting, or a choice that
the docstring of the function that makes it states.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, get_args

from klavnb.channels import CHANNEL_NAMES
from klavnb.errors import SettingsError, name_some
from klavnb.metrics import METRICS, RENAMED_METRICS, ROLES
from klavnb.weights import PositionShares, check_weights, describe_shares, parse_half_life, parse_shares
from klavnb.windows import LONGEST_WINDOW, PRESETS, WINDOW_NAMES, Preset, describe_window, parse_windows
from klavnb.wording import format_count

__all__ = ["COLUMNS", "HALF_LIFE", "POSITION_SHARES", "Anchor", "Settings"]

HALF_LIFE = timedelta(days=7)
"""The usual half-life of a time decay: Google Analytics' of its model of that name. Klaviyo names none."""

POSITION_SHARES: PositionShares = (0.4, 0.2, 0.4)
"""The usual parts of a position based model: Google Analytics' of its model of that name. Klaviyo names none."""

COLUMNS = (
    "event_id",
    "profile_id",
    "email",
    "phone_number",
    "external_id",
    "metric_id",
    "metric_name",
    "occurred_at",
    "occurred_unix",
    "value",
    "currency",
    "source_event_id",
    "order_id",
    "message",
    "flow",
    "variation",
    "transmission_id",
    "send_cohort",
    "machine_open",
    "bot_click",
    "campaign_name",
    "subject",
    "campaign_id",
    "flow_id",
    "flow_message_id",
)
"""What the columns of a CSV of events can be named to hold."""

Anchor = Literal["received", "touched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that decides which touch earns a conversion, apart from which model it is.

    Parameters
    ----------
    windows
        `channel.kind` → how long such a touch can earn a conversion. A kind that is absent is not a touch.
    anchor
        Where the window starts: at the message's receipt, or at the touch. Pushes and visits always
        run from the touch. Klaviyo documents the receipt; public dbt packages use the touch.
    conversion_metric
        The metric whose events are the conversions, as exported.
    exclude_machine_opens, exclude_bot_clicks
        Drop opens known to be made by a machine (Apple Mail Privacy Protection and the like), clicks
        known to be made by a bot. What is not known stays.
    excluded_messages
        Ids of messages that must earn nothing, such as transactional ones: events carry no flag for it.
    net_of_refunds
        Subtract refunds and cancels of the same order number from a conversion's value, down to zero.
        Klaviyo's attributed revenue is gross.
    half_life
        Of the model `time_decay`: the age at which a touch weighs half as much as one at the conversion itself.
    position_shares
        Of the model `position_based`: the parts of the first open touch, of all between together, and of the last.
    metrics
        Metric names of this account → their role (`email.open`, `sms.received`, …), in addition to
        `METRICS`; a name that is in both takes the role given here.
    columns
        What a column of a CSV of events holds (one of `COLUMNS`) → its header, in any case: for exports whose
        headers klavnb does not guess. It is known by its header alone, so it may be absent from some files.
    file_metrics
        Name of a CSV of events, with or without its endings, in any case → the metric that its events are of.

    Raises
    ------
    SettingsError
        When a window, a weight, a role or a name is not one klavnb knows.

    Examples
    --------
    >>> Settings.preset("2022").windows["sms.click"]
    datetime.timedelta(days=1)
    >>> print(Settings.preset("2024").with_windows({"email": timedelta(days=3)}).describe())
    Windows: E-mail click 3 days, E-mail open 3 days, Push open 1 day, SMS click 5 days, SMS delivery 12 hours. \
The window runs from the message's receipt (push and visits: from the touch). Bot clicks are left out.
    """

    windows: Mapping[str, timedelta] = field(default_factory=lambda: dict(PRESETS["2022"]))
    anchor: Anchor = "received"
    conversion_metric: str = "Placed Order"
    exclude_machine_opens: bool = False
    exclude_bot_clicks: bool = False
    excluded_messages: tuple[str, ...] = ()
    net_of_refunds: bool = False
    half_life: timedelta = HALF_LIFE
    position_shares: PositionShares = POSITION_SHARES
    metrics: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    file_metrics: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse settings that could only give a wrong answer."""
        if self.anchor not in get_args(Anchor):
            raise SettingsError(f"The anchor is received or touched; found {self.anchor!r}.")
        if not self.conversion_metric:
            raise SettingsError("The conversion metric has no name.", hint='Klaviyo\'s usual one is "Placed Order".')
        unknown = sorted(set(self.windows) - WINDOW_NAMES)
        if unknown:
            raise SettingsError(
                f"There is no kind of touch called {name_some(unknown)}.", hint="Windows are named like email.open."
            )
        if not self.windows:
            raise SettingsError("No kind of touch has a window, so nothing could be attributed.")
        outside = [name for name, window in self.windows.items() if not timedelta(0) < window <= LONGEST_WINDOW]
        if outside:
            raise SettingsError(
                f"The window of {name_some(outside)} is not between nothing and {LONGEST_WINDOW.days} days.",
                hint="Leave a kind out of the windows to switch it off.",
            )
        earns = self.roles.get(RENAMED_METRICS.get(self.conversion_metric, self.conversion_metric), "")
        if earns in self.windows:
            raise SettingsError(
                f"{self.conversion_metric!r} is a touch ({earns}), so as a conversion each would earn itself.",
                hint=f"Choose another conversion metric, or switch the touch off: {earns}=none.",
            )
        wrong = sorted(set(self.metrics.values()) - ROLES)
        if wrong:
            raise SettingsError(
                f"There is no role called {name_some(wrong)} for a metric.",
                hint="Roles are named like email.open, sms.click or push.received.",
            )
        check_weights(self.half_life, self.position_shares)
        _check_columns(self.columns, self.file_metrics)

    @classmethod
    def preset(cls, name: Preset | str) -> Self:
        """Return Klaviyo's defaults of a time.

        `2022`: as announced on 2022-03-21, and still of accounts made before 2024-10-09; `2024`: of
        accounts made from 2024-10-09; `2026`: as of April 2026, with text opens, WhatsApp and visits.

        Raises
        ------
        SettingsError
            When there is no such preset.
        """
        if name not in PRESETS:
            raise SettingsError(f"There is no preset {name!r}.", hint=f"Choose one of {', '.join(PRESETS)}.")
        return cls(windows=dict(PRESETS[name]), exclude_bot_clicks=name != "2022")

    def with_windows(self, windows: Mapping[str, timedelta | None]) -> Self:
        """Return settings with some windows replaced; None switches a kind off.

        A bare channel (`email`) stands for every kind of it that is on; a kind that is named too keeps its own.

        Raises
        ------
        SettingsError
            When a name is not one, or a bare channel has no kind that is on.
        """
        merged: dict[str, timedelta | None] = dict(self.windows)
        for name, window in sorted(windows.items(), key=lambda pair: "." in pair[0]):
            kinds = [name] if "." in name else [known for known in merged if known.startswith(f"{name}.")]
            if not kinds and window is not None:
                raise SettingsError(
                    f"No kind of touch of {name!r} has a window that could be changed.",
                    hint=f"Name it: {name}.click=1d.",
                )
            merged |= dict.fromkeys(kinds, window)
        return replace(self, windows={name: window for name, window in merged.items() if window is not None})

    @classmethod
    def read_toml(cls, path: Path) -> Self:
        """Read settings from a TOML file.

        Keys: `preset`, `anchor`, `conversion_metric`, `exclude_machine_opens`, `exclude_bot_clicks`,
        `excluded_messages`, `net_of_refunds`, `half_life` (`"7d"`), `position_shares` (`"40-20-40"`), and the
        tables `[windows]` (`"email.open" = "5d"`),
        `[metrics]` (`"Geöffnete E-Mail" = "email.open"`), `[columns]` (`event_id = "Event ID"`) and
        `[file_metrics]` (`"orders-2026" = "Placed Order"`). What is absent is the preset's, 2022 by default.

        Raises
        ------
        SettingsError
            When the file cannot be read, is no TOML, or holds a key or value that is no setting.
        """
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"The settings file {path} cannot be read: {error}.") from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"The settings file {path} is not TOML: {error}.") from error
        unknown = sorted(set(table) - TOML_TYPES.keys())
        if unknown:
            raise SettingsError(
                f"{path}: there is no setting called {name_some(unknown)}.",
                hint=f"Settings are {', '.join(TOML_TYPES)}.",
            )
        for name, value in table.items():
            if not isinstance(value, TOML_TYPES[name]):
                raise SettingsError(f"{path}: {name} should be {TOML_WORDS[TOML_TYPES[name]]}, found {value!r}.")
        base = cls.preset(table.pop("preset", "2022"))
        windows = parse_windows(f"{name}={window}" for name, window in _flatten(table.pop("windows", {})))
        metrics = dict(_flatten(table.pop("metrics", {})))
        files = dict(_flatten(table.pop("file_metrics", {})))
        messages = tuple(str(message) for message in table.pop("excluded_messages", ()))
        weights = _read_weights(table.pop("half_life", ""), table.pop("position_shares", ""))
        return replace(
            base, metrics=metrics, file_metrics=files, excluded_messages=messages, **weights, **table
        ).with_windows(windows)

    @classmethod
    def from_options(
        cls,
        *,
        file: Path | str = "",
        preset: str = "",
        windows: str | Iterable[str] = (),
        anchor: str = "",
        conversion_metric: str = "",
        exclude_machine_opens: bool | str | None = None,
        exclude_bot_clicks: bool | str | None = None,
        net_of_refunds: bool | str | None = None,
        half_life: str = "",
        position_shares: str = "",
    ) -> Self:
        """Build settings from what a command line or a notebook's parameters say.

        A settings file or a preset is the base (2022 where neither is given, not both); what else is
        given replaces its part; empty text or None leaves the base's.

        Parameters
        ----------
        file
            A settings file in TOML.
        windows
            Windows such as `email.open=5d`; as one text, with commas between them.
        exclude_machine_opens, exclude_bot_clicks, net_of_refunds
            Also as the text `yes` or `no`; empty leaves the base's.
        half_life, position_shares
            As `7d` and `40-20-40`.

        Raises
        ------
        SettingsError
            When a part is not one klavnb knows, or both a file and a preset are given.

        Examples
        --------
        >>> Settings.from_options(preset="2024", windows="email=3d, sms.delivery=none").windows["email.open"].days
        3
        """
        if file and preset:
            raise SettingsError(
                "A settings file and a preset were both given.",
                hint=f'Write preset = "{preset}" into the file instead.',
            )
        base = cls.read_toml(Path(file)) if file else cls.preset(preset or "2022")
        return base.with_options(
            windows=windows,
            anchor=anchor,
            conversion_metric=conversion_metric,
            exclude_machine_opens=exclude_machine_opens,
            exclude_bot_clicks=exclude_bot_clicks,
            net_of_refunds=net_of_refunds,
            half_life=half_life,
            position_shares=position_shares,
        )

    def with_options(
        self,
        *,
        windows: str | Iterable[str] = (),
        anchor: str = "",
        conversion_metric: str = "",
        exclude_machine_opens: bool | str | None = None,
        exclude_bot_clicks: bool | str | None = None,
        net_of_refunds: bool | str | None = None,
        half_life: str = "",
        position_shares: str = "",
    ) -> Self:
        """Return settings with what is given replaced, as `from_options` reads it; the rest stays.

        Raises
        ------
        SettingsError
            When a part is not one klavnb knows.

        Examples
        --------
        >>> Settings.preset("2022").with_options(windows="email=3d").windows["email.open"].days
        3
        """
        pairs = windows.split(",") if isinstance(windows, str) else windows
        given: dict[str, Any] = {
            "anchor": anchor,
            "conversion_metric": conversion_metric,
            "exclude_machine_opens": _read_choice("exclude_machine_opens", exclude_machine_opens),
            "exclude_bot_clicks": _read_choice("exclude_bot_clicks", exclude_bot_clicks),
            "net_of_refunds": _read_choice("net_of_refunds", net_of_refunds),
            **_read_weights(half_life, position_shares),
        }
        changed = replace(self, **{name: value for name, value in given.items() if value not in ("", None)})
        return changed.with_windows(parse_windows(pair for pair in pairs if pair.strip()))

    @property
    def roles(self) -> dict[str, str]:
        """Metric → role, those of `METRICS` and the account's own, under the names that loading keeps."""
        own = {RENAMED_METRICS.get(name, name): role for name, role in self.metrics.items()}
        return {**METRICS, **own}

    @property
    def longest_window(self) -> timedelta:
        """The longest window: no touch older than this can earn a conversion."""
        return max(self.windows.values())

    def describe(self) -> str:
        """Say the settings in sentences, for a report's reader."""
        by_name = ((*name.split("."), describe_window(window)) for name, window in sorted(self.windows.items()))
        windows = ", ".join(f"{CHANNEL_NAMES[channel]} {kind} {length}" for channel, kind, length in by_name)
        start = {
            "received": "The window runs from the message's receipt (push and visits: from the touch).",
            "touched": "The window runs from the touch.",
        }[self.anchor]
        asked = {
            "Machine opens are left out.": self.exclude_machine_opens,
            "Bot clicks are left out.": self.exclude_bot_clicks,
            f"Left out by id: {format_count(len(self.excluded_messages), 'message')}.": self.excluded_messages,
            "Refunds and cancels are subtracted.": self.net_of_refunds,
            f"Time decay: half the weight after {describe_window(self.half_life)}.": self.half_life != HALF_LIFE,
            f"Position based: {describe_shares(self.position_shares)}.": self.position_shares != POSITION_SHARES,
        }
        return " ".join([f"Windows: {windows}.", start, *(sentence for sentence, holds in asked.items() if holds)])


TOML_TYPES: Mapping[str, type] = MappingProxyType(
    {
        "preset": str,
        "anchor": str,
        "conversion_metric": str,
        "exclude_machine_opens": bool,
        "exclude_bot_clicks": bool,
        "excluded_messages": list,
        "net_of_refunds": bool,
        "half_life": str,
        "position_shares": str,
        "windows": dict,
        "metrics": dict,
        "columns": dict,
        "file_metrics": dict,
    }
)
TOML_WORDS: Mapping[type, str] = MappingProxyType(
    {str: "text in quotes", bool: "true or false", list: "a list", dict: "a table"}
)


def _check_columns(columns: Mapping[str, str], file_metrics: Mapping[str, str]) -> None:
    """Refuse columns that klavnb would never look for, and names that name nothing."""
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise SettingsError(
            f"columns: there is nothing called {name_some(unknown)} that a column of events could hold.",
            hint=f"Name columns for {', '.join(COLUMNS)}; every other column becomes a property.",
        )
    nameless = [
        name for name, header in {**columns, **file_metrics}.items() if not isinstance(header, str) or not header
    ]
    if nameless:
        raise SettingsError(
            f"{name_some(nameless)}: expected a name, found {({**columns, **file_metrics})[nameless[0]]!r}.",
            hint='Write for example columns = { event_id = "Event ID" }, or leave it out.',
        )
    headers = [header.lower() for header in columns.values()]
    repeated = sorted({header for header in headers if headers.count(header) > 1})
    if repeated:
        raise SettingsError(
            f"columns: the header {repeated[0]!r} is named for two things.", hint="Name each header once."
        )


def _read_weights(half_life: str, position_shares: str) -> dict[str, Any]:
    """Read the weights that are given; what is empty decides nothing."""
    weights: dict[str, Any] = {"half_life": parse_half_life(half_life)} if half_life else {}
    return weights | ({"position_shares": parse_shares(position_shares)} if position_shares else {})


def _read_choice(name: str, value: bool | str | None) -> bool | None:
    """Read yes or no; what is empty decides nothing."""
    if not isinstance(value, str):
        return value
    choices = {"": None, "yes": True, "true": True, "no": False, "false": False}
    if value.lower() not in choices:
        raise SettingsError(f"{name} should be yes or no, found {value!r}.")
    return choices[value.lower()]


def _flatten(table: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """Give `email.open` for both spellings of TOML: a quoted key, and a dotted one that nests."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", text) for inner, text in _flatten(value))
        else:
            yield name, str(value)
