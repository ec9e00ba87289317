"""Tables of many models: what each attributes, campaigns, flows and ranks under each, and what each one does."""

import polars as pl
from great_tables import GT

from klavnb.channels import CHANNEL_NAMES
from klavnb.learned import LEAST_CONVERSIONS
from klavnb.settings import Settings
from klavnb.sides import MODEL_WORDS
from klavnb.tables.layout import add_unit, tabulate
from klavnb.weights import describe_shares
from klavnb.windows import describe_window

__all__ = [
    "tabulate_campaign_values",
    "tabulate_dependence",
    "tabulate_flow_values",
    "tabulate_learned",
    "tabulate_model_glossary",
    "tabulate_models",
    "tabulate_ranks",
]

MARKOV = (
    "A channel earns by how much rarer an order would be if every journey through it ended there, learned from the "
    "journeys of all customers. By channel only."
)
SHAPLEY = (
    "A channel earns what it adds to every group of channels, on average; a group is worth the revenue of the orders "
    "that needed no other channel. By channel only."
)

NAMES = {model: word[0].upper() + word[1:] for model, word in MODEL_WORDS.items()}


def tabulate_models(values: pl.LazyFrame, *, currency: str | None) -> GT:
    """List what each model attributes, and how much of it to other messages than the model in use.

    Parameters
    ----------
    values
        As `klavnb.value_models` gives it.
    """
    rows = values.select(
        pl.col("model").cast(pl.String).replace_strict(NAMES),
        "value",
        "count_conversions",
        "difference",
        "moved_value",
    ).collect()
    return (
        tabulate(rows, name="models")
        .cols_label(
            model="Model",
            value="Attributed revenue" + add_unit(currency),
            count_conversions="Orders",
            difference="Against the first row" + add_unit(currency),
            moved_value="Moved to other messages" + add_unit(currency),
        )
        .fmt_number(["value", "count_conversions", "moved_value"], decimals=0)
        .fmt_number("difference", decimals=0, force_sign=True)
    )


def tabulate_campaign_values(campaigns: pl.LazyFrame, *, top: int, currency: str | None) -> GT | None:
    """List what campaigns earn under each model, those first that earn most by the model in use.

    Parameters
    ----------
    campaigns
        As `klavnb.value_campaigns` gives it.
    top
        How many to list. Without a campaign there is nothing to list, and None is returned.
    """
    return _tabulate_values(campaigns, key="campaign_id", what="Campaign", top=top, currency=currency)


def tabulate_flow_values(flows: pl.LazyFrame, *, top: int, currency: str | None) -> GT | None:
    """List what flows earn under each model, those first that earn most by the model in use.

    Parameters
    ----------
    flows
        As `klavnb.value_flows` gives it.
    top
        How many to list. Without a flow there is nothing to list, and None is returned.
    """
    return _tabulate_values(flows, key="flow_id", what="Flow", top=top, currency=currency)


def tabulate_dependence(dependence: pl.LazyFrame, *, top: int, currency: str | None) -> GT | None:
    """List the messages that depend most on the model.

    Parameters
    ----------
    dependence
        As `klavnb.measure_dependence` gives it.
    top
        How many to list. Where no message depends on the model there is nothing to list, and None is returned.
    """
    named = [pl.col(name).cast(pl.String).replace_strict(NAMES) for name in ("least_model", "most_model")]
    rows = (
        dependence.filter(pl.col("span") > 0)
        .head(top)
        .select(
            "label",
            pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES),
            "least_value",
            named[0],
            "most_value",
            named[1],
            "span",
            "share",
            ranks=pl.format("{} to {}", "best_rank", "worst_rank"),
        )
        .collect()
    )
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name="dependence")
        .cols_label(
            label="Message",
            channel="Channel",
            least_value="Least" + add_unit(currency),
            least_model="by",
            most_value="Most" + add_unit(currency),
            most_model="by",
            span="Between" + add_unit(currency),
            share="Of the most",
            ranks="Rank",
        )
        .fmt_number(["least_value", "most_value", "span"], decimals=0)
        .fmt_percent("share", decimals=0, incl_space=True)
    )


def tabulate_ranks(messages: pl.LazyFrame, *, top: int) -> GT | None:
    """List the rank of messages under each model, those first that earn most by the model in use.

    Parameters
    ----------
    messages
        As `klavnb.value_messages` gives it.
    top
        How many to list. Without a message there is nothing to list, and None is returned.
    """
    rows = _widen(messages.with_columns(shown="rank"), key=["message_id", "channel"], top=top)
    if rows.is_empty():
        return None
    return tabulate(rows.drop("message_id", "channel"), name="ranks").cols_label(
        {"label": "Message", **{name: NAMES[name] for name in rows.columns if name in NAMES}}
    )


def tabulate_learned(learned: pl.LazyFrame, *, currency: str | None) -> GT | None:
    """List what each channel earns by the models that learn, with intervals.

    Parameters
    ----------
    learned
        As `klavnb.learn_channels` gives it. With fewer orders than can be learned from there is nothing to list, and
        None is returned.
    """
    rows = (
        learned.filter(pl.col("count_conversions") >= LEAST_CONVERSIONS)
        .drop_nulls("share")
        .select(
            pl.col("model").replace_strict(NAMES),
            pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES),
            "value",
            "share",
            "low",
            "high",
        )
        .collect()
    )
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name="learned")
        .cols_label(
            model="Model",
            channel="Channel",
            value="Revenue" + add_unit(currency),
            share="Share",
            low="95 of 100 times from",
            high="to",
        )
        .fmt_number("value", decimals=0)
        .fmt_percent(["share", "low", "high"], decimals=1, incl_space=True)
        .sub_missing(missing_text="–")
    )


def tabulate_model_glossary(settings: Settings) -> GT:
    """List what each model does under the settings, and who describes it."""
    klaviyo = "Klaviyo, “Introducing—and explaining—Klaviyo’s updated multichannel attribution model”, 2022"
    google = "Google, Analytics Help, “About the default MCF attribution models”"
    clicks = "Google, Ads Help, “About attribution models”"
    without = "Without one nothing does. An opened push is no click."
    half_life = describe_window(settings.half_life)
    shares = describe_shares(settings.position_shares)
    rows = {
        "old": (
            "The last open touch of the channel that was touched last earns the order; another channel earns nothing.",
            klaviyo,
        ),
        "cooperative": (
            "The last open touch earns the order, each judged by its own channel’s window. Also known as last touch.",
            klaviyo,
        ),
        "first_touch": ("The first open touch earns the order.", klaviyo),
        "linear": ("Every open touch earns the same part.", klaviyo),
        "time_decay": (f"Every open touch earns a part that halves with each {half_life} of its age.", google),
        "position_based": (
            f"First open touch, all between together, last: {shares}. One alone earns all; two share as the ends do.",
            google,
        ),
        "first_click": (f"The first open click earns the order. {without}", clicks),
        "last_click": (f"The last open click earns the order. {without}", clicks),
        "markov": (MARKOV, "Anderl, Becker, von Wangenheim, Schumann, “Mapping the customer journey”, 2016"),
        "shapley": (SHAPLEY, "Shapley, “A value for n-person games”, 1953; Zhao, Mahboobi, Bagheri, arXiv:1804.05327"),
    }
    frame = pl.DataFrame(
        [{"model": NAMES[model], "what": what, "source": source} for model, (what, source) in rows.items()]
    )
    return tabulate(frame, name="model-glossary").cols_label(model="Model", what="What it does", source="Described by")


def _tabulate_values(values: pl.LazyFrame, *, key: str, what: str, top: int, currency: str | None) -> GT | None:
    rows = _widen(values.with_columns(shown="value"), key=[key], top=top)
    if rows.is_empty():
        return None
    models = [name for name in rows.columns if name in NAMES]
    return (
        tabulate(rows.drop(key), name=f"{what.lower()}s-by-model")
        .cols_label({"label": what, **{name: NAMES[name] + add_unit(currency) for name in models}})
        .fmt_number(models, decimals=0)
    )


def _widen(values: pl.LazyFrame, *, key: list[str], top: int) -> pl.DataFrame:
    """One row per thing in the order of the first model, one column per model."""
    found = values.sort("model", "rank", *key).collect()
    if found.is_empty():
        return found
    models = found["model"].unique(maintain_order=True).to_list()
    wide = found.pivot("model", index=[*key, "label"], values="shown")
    return wide.select(*key, "label", *models).head(top)
