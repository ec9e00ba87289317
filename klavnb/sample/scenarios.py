"""The planted journeys and their answers: the worked examples of the attribution rules, and the edges.

The answers are written by hand, from the rules as Klaviyo published them; nothing is computed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from klavnb.sample.shop import DAY, HOUR

__all__ = ["PRESET", "SCENARIOS", "Scenario", "Touched"]

MODELS = ("old", "cooperative", "linear")
ANCHORS = ("received", "touched")
PRESET = "2022"

Trace = Literal["event", "cohort", "handoff", "none"]


@dataclass(frozen=True, slots=True)
class Touched:
    """One touch of a journey; times are in seconds from the journey's first midnight."""

    name: str
    role: str  # channel.kind
    received: int
    touched: int
    message: int = 0  # which message of the channel
    trace: Trace = "event"  # what the export tells of the receipt
    is_machine: bool = False
    names_message: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """One journey and its answers: the names of the touches credited, empty where nothing is.

    `old`, `cooperative` and `linear` are the answers under the anchor `received`; `touched` holds the
    three under the anchor `touched` where they differ. Times are in seconds from the first midnight.
    """

    name: str
    touches: tuple[Touched, ...]
    ordered: int
    value: float
    old: str
    cooperative: str
    linear: tuple[str, ...]
    touched: tuple[str, str, tuple[str, ...]] | None = None

    def answers(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Give each model, each anchor and the names of the touches that share the credit equally."""
        received = (self.old, self.cooperative, self.linear)
        for anchor, answers in zip(ANCHORS, (received, self.touched or received), strict=True):
            for model, answer in zip(MODELS, answers, strict=True):
                names = (answer,) if isinstance(answer, str) else answer
                yield model, anchor, tuple(name for name in names if name)


NOON = 12 * HOUR
D1, D2, D3, D4, D5 = (number * DAY for number in range(1, 6))
EMAIL = Touched("email", "email.open", D1 + 9 * HOUR, D1 + 10 * HOUR)

SCENARIOS: Sequence[Scenario] = (
    # not formatted: a journey and its answer, one line each, read like the worked examples
    Scenario(
        "example-1",
        (EMAIL, Touched("sms", "sms.click", D1 + NOON, D1 + 13 * HOUR)),
        D3 + NOON, 48.0, "", "email", ("email",),
    ),
    Scenario(
        "example-2",
        (EMAIL, Touched("push", "push.open", D2 + 9 * HOUR, D2 + 10 * HOUR)),
        D3 + 9 * HOUR, 89.9, "push", "push", ("email", "push"),
    ),
    Scenario(
        "example-3",
        (EMAIL, Touched("push", "push.open", D2 + 9 * HOUR, D2 + 10 * HOUR)),
        D4 + NOON, 39.9, "", "email", ("email",),
    ),
    Scenario(
        "example-4",
        (
            Touched("sms early", "sms.click", D1 + 9 * HOUR, D3 + 10 * HOUR),
            Touched("email", "email.open", D1 + 9 * HOUR, D4 + 10 * HOUR),
            Touched("sms late", "sms.click", D1 + 9 * HOUR, D5 + 10 * HOUR),
        ),
        D5 + NOON, 62.0, "", "email", ("email",),
        touched=("sms late", "sms late", ("email", "sms late")),
    ),
    Scenario(
        "example-5",
        (
            EMAIL,
            Touched("open again", "email.open", D1 + 9 * HOUR, D2 + 10 * HOUR),
            Touched("click", "email.click", D1 + 9 * HOUR, D2 + 10 * HOUR + 40),
        ),
        D4 + NOON, 49.0, "click", "click", ("email", "open again", "click"),
    ),
    Scenario(
        "example-6",
        (
            EMAIL,
            Touched("open again", "email.open", D1 + 9 * HOUR, D2 + 10 * HOUR),
            Touched("click", "email.click", D1 + 9 * HOUR, D2 + 10 * HOUR + 40),
        ),
        12 * DAY + NOON, 310.0, "", "", (),
    ),
    Scenario(
        "example-7",
        (
            EMAIL,
            Touched("second email", "email.open", D2 + 9 * HOUR, D2 + 11 * HOUR, message=1),
            Touched("sms", "sms.click", D3 + 9 * HOUR, D3 + 10 * HOUR),
        ),
        D3 + NOON, 100.0, "sms", "sms", ("email", "second email", "sms"),
    ),
    Scenario(
        "example-8",
        (Touched("email", "email.open", 9 * HOUR, 10 * DAY + 9 * HOUR),),
        10 * DAY + NOON, 75.0, "", "", (), touched=("email", "email", ("email",)),
    ),
    Scenario(
        "order-as-the-window-closes",
        (EMAIL,), EMAIL.received + 5 * DAY, 24.5, "email", "email", ("email",),
    ),
    Scenario(
        "order-a-second-after-the-window",
        (EMAIL,), EMAIL.received + 5 * DAY + 1, 24.5, "", "", (), touched=("email", "email", ("email",)),
    ),
    Scenario(
        "tie-of-click-and-open",
        (EMAIL, Touched("click", "email.click", D1 + 9 * HOUR, D1 + 10 * HOUR)),
        D2 + NOON, 36.8, "click", "click", ("email", "click"),
    ),
    Scenario(
        "tie-of-two-channels",
        (EMAIL, Touched("sms", "sms.click", D1 + 9 * HOUR, D1 + 10 * HOUR)),
        D1 + NOON, 58.8, "sms", "sms", ("email", "sms"),
    ),
    Scenario(
        "open-without-a-message",
        (Touched("open", "email.open", D1 + 9 * HOUR, D1 + 10 * HOUR, names_message=False),),
        D2 + NOON, 12.9, "", "", (),
    ),
    Scenario(
        "bot-click-only",
        (Touched("click", "email.click", D1 + 9 * HOUR, D1 + 9 * HOUR + 4, is_machine=True),),
        D2 + NOON, 98.0, "click", "click", ("click",),
    ),
    Scenario(
        "machine-open-only",
        (Touched("open", "email.open", D1 + 9 * HOUR, D1 + 9 * HOUR + 90, is_machine=True),),
        D2 + NOON, 147.0, "open", "open", ("open",),
    ),
    Scenario(
        "receipt-from-the-cohort",
        (Touched("email", "email.open", D1 + 9 * HOUR, D3 + 10 * HOUR, trace="cohort"),),
        D1 + 6 * DAY, 1359.0, "", "", (), touched=("email", "email", ("email",)),
    ),
    Scenario(
        "receipt-from-the-handoff",
        (Touched("email", "email.open", D1 + 9 * HOUR, D3 + 10 * HOUR, trace="handoff"),),
        D1 + 6 * DAY, 81.0, "", "", (), touched=("email", "email", ("email",)),
    ),
    Scenario(
        "receipt-unknown",
        (Touched("email", "email.open", D1 + 9 * HOUR, D3 + 10 * HOUR, trace="none"),),
        D1 + 6 * DAY, 66.0, "email", "email", ("email",),
    ),
    # not formatted, so that a scenario's answer stays on one line, as in a table
)  # fmt: skip
"""Every worked example of the attribution rules, then the edges; windows are those of the preset 2022."""
