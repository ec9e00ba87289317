"""What may be asked about a consent: which details, by which channel, and how a profile came to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from klavnb.definitions.checking import Spot
from klavnb.definitions.conditions import Channel, ConsentCondition, ConsentFilter, PermissionCondition, Subscription
from klavnb.definitions.filters import DATES, LISTED_TEXT, ONE_TEXT, Place, parse_filter

__all__ = ["CONSENTS", "FIELDS", "REACHABLE", "Details", "parse_consent", "parse_permission"]

Methods: TypeAlias = Mapping[str, Place | None]
"""The ways to a consent, each with the filter that may narrow it; None: nothing may."""


@dataclass(frozen=True, slots=True)
class Details:
    """What the `filters` of one situation may be, as Klaviyo's specification lists them.

    Parameters
    ----------
    fields
        Those that are asked about with a filter.
    methods
        Those that `method` may name.
    required
        Whether `filters` must be there, be it as an empty list.
    """

    fields: tuple[str, ...] = ()
    methods: Methods = field(default_factory=dict)
    required: bool = False


BOOLEAN: Final[Place] = {"boolean": ("equals",)}
DATES_OR_SET: Final[Place] = {**DATES, "existence": ("is-set",)}
FIELDS: Final[Mapping[str, Place]] = {
    "bounce_date": DATES_OR_SET,
    "custom_source": ONE_TEXT,
    "effective_date": DATES,
    "invalid_email_date": DATES_OR_SET,
    "is_double_opt_in": BOOLEAN,
    "is_rcs_capable": BOOLEAN,
    "manual_suppression_date": DATES_OR_SET,
    "recorded_date": DATES,
    "status_date": DATES,
}
OLDER_FIELDS: Final = {"is_double_optin": "is_double_opt_in"}
MUST_NAME: Final = "integration"
"""The method that says nothing without its filter: which integration."""


def _plain(*names: str) -> Methods:
    """Methods that no filter may narrow."""
    return dict.fromkeys(names)


SUPPRESSIONS: Final = ("bounce_date", "manual_suppression_date", "invalid_email_date")
BY_HAND: Final[Methods] = {"manual_import": LISTED_TEXT, "manual_add": LISTED_TEXT}
FORM: Final[Methods] = {"form": LISTED_TEXT}
API: Final[Methods] = {"api": LISTED_TEXT}
INTEGRATION: Final[Methods] = {MUST_NAME: LISTED_TEXT}
FROM_CUSTOMER: Final = _plain("inbound_message", "preference_page", "sftp", "checkout")

CONSENTS: Final[Mapping[tuple[str, bool, str], Details]] = {
    ("email", True, "any"): Details(),
    ("email", True, "subscribed"): Details(
        ("is_double_opt_in", "status_date", "custom_source"),
        {
            **FORM,
            "preference_page": ONE_TEXT,
            **API,
            **_plain("inbound_message", "back_in_stock", "sftp"),
            **BY_HAND,
            **INTEGRATION,
        },
    ),
    ("email", True, "never_subscribed"): Details(),
    ("email", False, "any"): Details(SUPPRESSIONS),
    ("email", False, "unsubscribed"): Details(
        ("status_date", *SUPPRESSIONS),
        {
            **API,
            **_plain("inbound_message", "preference_page", "manual_remove", "spam_complaint", "mailbox_provider"),
            **_plain("one_click_unsubscribe", "manual_import", "sftp", "data_warehouse_import"),
            **_plain("profile_modification"),
            **INTEGRATION,
        },
    ),
    ("email", False, "never_subscribed"): Details(SUPPRESSIONS, required=True),
    ("email", False, "subscribed"): Details(SUPPRESSIONS, required=True),
    ("sms", True, "subscribed"): Details(
        ("status_date", "is_rcs_capable"), {**FORM, **BY_HAND, **FROM_CUSTOMER, **INTEGRATION}
    ),
    ("sms", False, "any"): Details(),
    ("sms", False, "unsubscribed"): Details(
        ("status_date",),
        {
            **FORM,
            **BY_HAND,
            **FROM_CUSTOMER,
            **_plain("manual_remove", "bulk_remove", "carrier_deactivation", "provided_landline"),
            **_plain("message_blocked", "provided_no_age", "failed_age_gate"),
            **INTEGRATION,
        },
    ),
    ("sms", False, "never_subscribed"): Details(),
    ("push", True, "any"): Details(("status_date",)),
    ("push", False, "any"): Details(),
}

INTEGRATIONS: Final[Mapping[tuple[str, str], str]] = {("email", "unsubscribed"): "constant_contact"}
"""Which integration may be named, where it is not Shopify."""

DATED: Final = Details(
    ("effective_date", "recorded_date"),
    {
        **FORM,
        **_plain("api", "back_in_stock", "bigcommerce", "bulk_remove", "campaign_monitor", "carrier_deactivation"),
        **_plain("checkout", "constant_contact", "exact_target", "facebook", "failed_age_gate", "inbound_message"),
        **_plain("integration", "mad_mimi", "magento_two", "mailbox_provider", "manual_add", "manual_import"),
        **_plain("manual_remove", "message_blocked", "netsuite", "preference_page", "provided_landline"),
        **_plain("provided_no_age", "sftp", "shopify", "social_instagram_message", "spam_complaint", "square", "wix"),
        **_plain("woocommerce"),
    },
    required=True,
)
REACHABLE: Final[Mapping[str, Details | None]] = {
    "explicitly_reachable": DATED,
    "implicitly_reachable": None,
    "implicitly_or_explicitly_reachable": None,
    "explicitly_unreachable": DATED,
    "implicitly_unreachable": None,
    "implicitly_or_explicitly_unreachable": None,
}
WHATSAPP: Final = ("whatsapp_marketing", "whatsapp_transactional")


def parse_consent(spot: Spot) -> ConsentCondition:
    """Take a condition on marketing consent: what may be asked depends on channel, reach and subscription."""
    spot.expect("type", "consent")
    consent = spot.get("consent")
    channels = tuple(dict.fromkeys(channel for channel, _, _ in CONSENTS))
    channel = consent.get("channel").choose(channels)
    consent.expect("channel", "can_receive_marketing", "consent_status")
    reached = consent.get("can_receive_marketing").flag()
    status = consent.get("consent_status")
    allowed = [name for of, can, name in CONSENTS if (of, can) == (channel, reached)]
    subscription = status.get("subscription").choose(
        allowed,
        hint=f"With channel {channel} and can_receive_marketing {str(reached).lower()} it is {' or '.join(allowed)}.",
    )
    details = CONSENTS[channel, reached, subscription]
    integration = INTEGRATIONS.get((channel, subscription), "shopify")
    return ConsentCondition(
        channel=cast("Channel", channel),
        can_receive_marketing=reached,
        subscription=cast("Subscription", subscription),
        filters=_parse_details(status, "subscription", details, "method", integration),
    )


def parse_permission(spot: Spot) -> PermissionCondition:
    """Take a condition on whether WhatsApp may reach a profile."""
    spot.expect("type", "channel", "permission")
    channel = spot.get("channel").choose(WHATSAPP)
    permission = spot.get("permission")
    status = permission.get("reachable_status").choose(tuple(REACHABLE))
    filters = _parse_details(permission, "reachable_status", REACHABLE[status] or Details(), "subscribe_method")
    return PermissionCondition(
        channel=cast('Literal["whatsapp_marketing", "whatsapp_transactional"]', channel),
        reachable_status=status,
        filters=filters,
    )


def _parse_details(
    spot: Spot, status: str, details: Details, method: str, integration: str | None = None
) -> tuple[ConsentFilter, ...]:
    """The filters of a consent or permission; `method` is what the place calls the way to it."""
    allowed = bool(details.fields or details.methods)
    spot.expect(
        status,
        *(("filters",) if details.required else ()),
        optional=("filters",) if allowed and not details.required else (),
    )
    if not spot.has("filters"):
        return () if not details.required else spot.get("filters").refuse("a list")

    def parse(each: Spot) -> ConsentFilter:
        return _parse_detail(each, details, method, integration)

    return spot.get("filters").each("consent filter", parse, least=0)


def _parse_detail(spot: Spot, details: Details, method: str, integration: str | None) -> ConsentFilter:
    """One detail: a field with its filter, or a method with or without one."""
    names = (*details.fields, *((method,) if details.methods else ()))
    name = spot.get("field")
    asked = OLDER_FIELDS.get(str(name.value), name.value)
    field_name = Spot(asked, name.where, name.field).choose(names)
    if field_name != method:
        spot.expect("field", "filter")
        return ConsentFilter(field=field_name, filter=parse_filter(spot.get("filter"), FIELDS[field_name]))
    way = spot.get("method").choose(tuple(details.methods))
    place = details.methods[way]
    if place is None:
        spot.expect("field", "method")
        return ConsentFilter(field=field_name, method=way)
    if way == MUST_NAME and integration:
        spot.expect("field", "method", "filter")
        named = parse_filter(spot.get("filter"), place, (integration,))
        return ConsentFilter(field=field_name, method=way, filter=named)
    spot.expect("field", "method", optional=("filter",))
    narrowed = parse_filter(spot.get("filter"), place) if spot.has("filter") else None
    return ConsentFilter(field=field_name, method=way, filter=narrowed)
