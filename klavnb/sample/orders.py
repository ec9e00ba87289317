"""What customers do in the shop: visits, checkouts, orders, refunds."""

from klavnb.sample.customers import Customer
from klavnb.sample.dice import Dice
from klavnb.sample.events import Event
from klavnb.sample.shop import PRODUCTS, SIZES

__all__ = ["Items", "choose_items", "log_checkout", "log_order", "log_reversal", "log_view", "log_visit", "sum_items"]

CURRENCY = "EUR"

Items = list[dict[str, object]]


def choose_items(customer: Customer, dice: Dice) -> Items:
    """Fill a cart: one to four lines, mostly of the customer's size; a studio orders in bulk."""
    items: Items = []
    for _ in range(dice.weigh(((58, 1), (26, 2), (11, 3), (5, 4)))):
        name, sku, factor = dice.pick(PRODUCTS)
        size = customer.favourite_size if dice.chance(0.6) else dice.pick(tuple(SIZES))
        quantity = dice.between(3, 12) if customer.is_studio else dice.weigh(((82, 1), (13, 2), (5, 3)))
        items.append(make_item(name, f"{sku}-{size[0].upper()}", size, quantity, round(SIZES[size] * factor, 2)))
    return items


def make_item(name: str, sku: str, size: str, quantity: int, price: float) -> dict[str, object]:
    """Return one line of an order; the price is of one piece, in euros."""
    return {"ProductName": name, "SKU": sku, "Size": size, "Quantity": quantity, "ItemPrice": price}


def sum_items(items: Items) -> float:
    """Return what the items cost together, in euros."""
    cents = (int(str(item["Quantity"])) * round(float(str(item["ItemPrice"])) * 100) for item in items)
    return sum(cents) / 100


def log_visit(customer: Customer, at: int, dice: Dice) -> Event:
    """Return the event of a visit to the shop's site."""
    browser, system = dice.pick((("Chrome", "Windows"), ("Safari", "iOS"), ("Chrome", "Android"), ("Firefox", "Linux")))
    return Event(at, customer, "Active on Site", {"browser": browser, "os": system, "$event_id": str(at)})


def log_view(customer: Customer, at: int, dice: Dice) -> Event:
    """Return the event of looking at a product."""
    name, sku, factor = dice.pick(PRODUCTS)
    price = round(SIZES["medium"] * factor, 2)
    return Event(
        at, customer, "Viewed Product", {"ProductName": name, "SKU": sku, "Price": price, "$event_id": str(at)}
    )


def log_checkout(customer: Customer, at: int, items: Items) -> Event:
    """Return the event of a started checkout; its value is that of the cart."""
    properties = {
        "$value": sum_items(items),
        "$currency_code": CURRENCY,
        "$event_id": f"C{customer.number}-{at}",
        "Items": items,
    }
    return Event(at, customer, "Started Checkout", properties)


def log_order(customer: Customer, at: int, items: Items, *, value: float | None = None) -> list[Event]:
    """Return the events of an order: the order itself, and one event per line of it.

    The lines' values sum to the order's, so the two metrics must never be added up.
    """
    total = sum_items(items) if value is None else value
    customer.orders.append((at, total))
    number = f"{customer.number}-{len(customer.orders)}"
    shared: dict[str, object] = {"$currency_code": CURRENCY, "OrderId": number}
    order = {"$value": total, **shared, "$event_id": number, "Items": items, "ItemCount": len(items)}
    lines = [
        Event(
            at + 1,
            customer,
            "Ordered Product",
            {"$value": sum_items([item]), **shared, "$event_id": f"{number}:{line}", **item},
        )
        for line, item in enumerate(items, start=1)
    ]
    return [Event(at, customer, "Placed Order", order), *lines]


def log_reversal(order: Event, at: int, metric: str, *, share: float = 1.0) -> Event:
    """Return the refund or cancel of an order, under the order's own number; a refund may be of a part."""
    value = round(float(str(order.properties["$value"])) * share, 2)
    number = order.properties["OrderId"]
    properties = {"$value": value, "$currency_code": CURRENCY, "OrderId": number, "$event_id": number}
    if metric == "Refunded Order":
        properties["Reason"] = "damaged" if share == 1.0 else "one print damaged"
    return Event(at, order.customer, metric, properties)
