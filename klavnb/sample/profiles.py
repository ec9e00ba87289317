"""Profiles as Klaviyo's API words them: who, where, what they agreed to, what is predicted."""

from collections.abc import Iterable

from klavnb.sample.customers import Customer
from klavnb.sample.ids import make_short_id
from klavnb.sample.resources import ACCOUNT_MADE_AT, HOST, Resource, link, write_time
from klavnb.sample.shop import DAY

__all__ = [
    "NEWSLETTER",
    "describe_list",
    "describe_list_members",
    "describe_predictions",
    "describe_profile",
    "describe_subscriptions",
]

NEWSLETTER = "Newsletter"
"""The one list: everyone who agreed to e-mail and has not left since."""

MEMBER_QUERY = "fields%5Bprofile%5D=email%2Cjoined_group_at"


def describe_profile(customer: Customer) -> Resource:
    """Return a profile with everything that `GET /api/profiles` can add to it."""
    city, region, country, timezone = customer.city
    updated_at = max(customer.created_at, customer.last_event_at or 0)
    return {
        "type": "profile",
        "id": customer.id,
        "attributes": {
            "email": customer.email,
            "phone_number": customer.phone_number,
            "external_id": f"shop-{customer.number}",
            "first_name": f"Sample {customer.number}",
            "last_name": None,
            "organization": None,
            "locale": None,
            "title": None,
            "image": None,
            "created": write_time(customer.created_at),
            "updated": write_time(updated_at),
            "last_event_date": None if customer.last_event_at is None else write_time(customer.last_event_at),
            "location": {"city": city, "region": region, "country": country, "timezone": timezone},
            "properties": {
                "Favourite Size": customer.favourite_size,
                "Customer Type": "studio" if customer.is_studio else "private",
                "Planted": customer.is_planted,
            },
            "subscriptions": describe_subscriptions(customer),
            "predictive_analytics": describe_predictions(customer),
        },
        "links": link("profiles", customer.id),
    }


def describe_list(name: str) -> Resource:
    """Return a list of the account."""
    made_at = write_time(ACCOUNT_MADE_AT)
    identity = make_short_id("list", name)
    attributes = {"name": name, "created": made_at, "updated": made_at, "opt_in_process": "double_opt_in"}
    return {"type": "list", "id": identity, "attributes": attributes, "links": link("lists", identity)}


def describe_list_members(customers: Iterable[Customer]) -> Resource:
    """Return the answer of `GET /api/lists/{id}/profiles` about the newsletter, its pages joined into one."""
    return {
        "data": [
            {
                "type": "profile",
                "id": customer.id,
                "attributes": {
                    "email": customer.email,
                    "joined_group_at": write_time(customer.consents["email"].given_at),
                },
                "links": link("profiles", customer.id),
            }
            for customer in customers
            if customer.can_receive("email")
        ],
        "links": {"self": f"{HOST}/lists/{make_short_id('list', NEWSLETTER)}/profiles?{MEMBER_QUERY}"},
    }


def describe_subscriptions(customer: Customer) -> Resource:
    """Return what the customer agreed to, channel by channel, as of the end of the export."""
    parts: dict[str, Resource] = {}
    for channel in ("email", "sms", "push"):
        consent = customer.consents.get(channel)
        given_at = None if consent is None else write_time(consent.given_at)
        state, changed_at = ("NEVER_SUBSCRIBED", None) if consent is None else ("SUBSCRIBED", given_at)
        if consent is not None and consent.ended_at is not None and consent.reason != "HARD_BOUNCE":
            state, changed_at = "UNSUBSCRIBED", write_time(consent.ended_at)
        parts[channel] = {"consent": state, "consent_timestamp": changed_at}
        if channel != "push":
            parts[channel] |= {
                "last_updated": changed_at,
                "method": None if consent is None else "FORM",
                "method_detail": None if consent is None else "Newsletter form",
            }
    consent = customer.consents.get("email")
    is_suppressed = consent is not None and consent.ended_at is not None
    parts["email"] |= {
        "can_receive_email_marketing": not is_suppressed,  # Klaviyo's word for: not suppressed
        "custom_method_detail": None,
        "double_optin": consent is not None and customer.number % 3 > 0,
        "suppression": [{"reason": consent.reason, "timestamp": write_time(consent.ended_at)}]
        if consent is not None and consent.ended_at is not None
        else [],
        "list_suppressions": [],
    }
    parts["sms"]["can_receive_sms_marketing"] = customer.can_receive("sms")
    parts["push"]["can_receive_push_marketing"] = customer.can_receive("push")
    return {
        "email": {"marketing": parts["email"]},
        "sms": {"marketing": parts["sms"]},
        "mobile_push": {"marketing": parts["push"]},
    }


def describe_predictions(customer: Customer) -> Resource:
    """Return Klaviyo's figures: the history is right for the period, the outlook is made up."""
    count = len(customer.orders)
    spent = round(sum(value for _, value in customer.orders), 2)
    gap = (customer.orders[-1][0] - customer.orders[0][0]) // DAY // (count - 1) if count > 1 else None
    predicted = round(count * 0.4, 2)
    average = round(spent / count, 2) if count else None
    return {
        "historic_clv": spent if count else None,
        "predicted_clv": round(predicted * average, 2) if average else None,
        "total_clv": round(spent + predicted * average, 2) if average else None,
        "historic_number_of_orders": count or None,
        "predicted_number_of_orders": predicted if count else None,
        "average_days_between_orders": gap,
        "average_order_value": average,
        "churn_probability": round(1 / (1 + count), 2) if count else None,
        "expected_date_of_next_order": write_time(customer.orders[-1][0] + gap * DAY) if gap is not None else None,
    }
