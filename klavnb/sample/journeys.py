"""One customer's time with the shop, told in order: what is received leads to touches, visits and orders."""

import heapq
from collections.abc import Callable
from functools import partial

from klavnb.sample.customers import Consent, Customer
from klavnb.sample.dice import Dice
from klavnb.sample.events import Event, Sending, describe_sending, log_receipt, log_touch, send
from klavnb.sample.metrics import name_metric
from klavnb.sample.orders import choose_items, log_checkout, log_order, log_reversal, log_view, log_visit
from klavnb.sample.shop import DAY, HOUR, Campaign, Message, Shop, weigh_season

__all__ = ["live"]

MINUTE = 60

READING_LAG = ((45, 10 * MINUTE, 4 * HOUR), (35, 4 * HOUR, DAY), (15, DAY, 3 * DAY), (5, 3 * DAY, 9 * DAY))
TEXT_LAG = ((70, MINUTE, HOUR), (22, HOUR, 10 * HOUR), (8, 10 * HOUR, 40 * HOUR))
THINKING_LAG = ((10, 2 * HOUR, 20 * HOUR), (60, 25 * HOUR, 60 * HOUR), (30, 60 * HOUR, 96 * HOUR))
"""Weight, from, to: prints are bought after a look at the wall, so many clicks become orders days later."""

VISITS_PER_WEEK = 0.042
FLOW_COOLDOWN = {"cart": 7 * DAY, "browse": 21 * DAY, "winback": 60 * DAY, "thanks": 10 * DAY}
LAPSES = {"email": ("Unsubscribed from Email Marketing", 0.0025), "sms": ("Unsubscribed from SMS Marketing", 0.004)}
REFUSALS = {"email": ("Bounced Email", 0.006), "sms": ("Failed to Deliver SMS", 0.012), "push": ("Bounced Push", 0.01)}


def live(customer: Customer, shop: Shop, dice: Dice) -> list[Event]:
    """Return everything that one customer did and received in the period.

    Every order has a cause that comes before it: a click, a message that was read, or a visit of one's own.
    """
    return _Life(customer, shop, dice).tell()


class _Life:
    """An agenda of what is to come; each thing that happens may put more on it."""

    def __init__(self, customer: Customer, shop: Shop, dice: Dice) -> None:
        self.customer = customer
        self.shop = shop
        self.dice = dice
        self.events: list[Event] = []
        self.agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self.planned = 0
        self.sendings = 0
        self.flow_started: dict[str, int] = {}
        self.opened_at = -DAY * 365  # the last e-mail open

    def tell(self) -> list[Event]:
        self.foresee()
        while self.agenda:
            at, _, act = heapq.heappop(self.agenda)
            if at >= self.shop.end:
                break
            act(at)
        return self.events

    def foresee(self) -> None:
        """Plan what does not depend on anything: joining, campaigns, visits of one's own."""
        customer, dice = self.customer, self.dice
        if customer.created_at >= self.shop.start:
            self.plan(customer.created_at, self.join)
        for campaign in self.shop.campaigns:
            if campaign.sent_at > customer.created_at:
                self.plan(campaign.sent_at + dice.between(20, 1500), partial(self.select, campaign))
        for week in range(self.shop.start, self.shop.end, 7 * DAY):
            if dice.chance(min(0.9, VISITS_PER_WEEK * customer.activity * weigh_season(week + 2 * DAY))):
                at = week + dice.between(0, 6) * DAY + dice.between(6 * HOUR, 22 * HOUR)
                if at > customer.created_at:
                    self.plan(at, partial(self.visit, 0.38))

    def plan(self, at: int, act: Callable[[int], None]) -> None:
        self.planned += 1
        heapq.heappush(self.agenda, (at, self.planned, act))

    def join(self, at: int) -> None:
        for channel, metric in (("email", "Subscribed to Email Marketing"), ("sms", "Subscribed to SMS Marketing")):
            if self.customer.can_receive(channel):
                properties: dict[str, object] = {"List": "Newsletter", "$event_id": f"{at}-{channel}"}
                self.events.append(Event(at, self.customer, name_metric(metric, at), properties))
        self.start_flow("welcome", at)

    def start_flow(self, key: str, at: int) -> None:
        """Set a flow off, unless it was set off a short while ago."""
        if at < self.flow_started.get(key, -DAY * 365) + FLOW_COOLDOWN.get(key, 0):
            return
        self.flow_started[key] = at
        for number, step in enumerate(self.shop.flows[key].steps):
            if key == "cart" and number > 0 and (step.message.channel == "sms") != self.customer.can_receive("sms"):
                continue  # the text is the second try where one may be sent, another e-mail elsewhere
            moment = at + step.delay + self.dice.between(0, 90)
            self.plan(moment, partial(self.receive_unless_ordered, step.message, key, at))

    def select(self, campaign: Campaign, at: int) -> None:
        """Receive a campaign if in its audience: texts and pushes follow up on the e-mail that was opened."""
        share = 0.12 + 0.5 * self.customer.engagement
        if campaign.channel == "email":  # those who agreed to a second channel are in more audiences
            share += 0.15 if len(self.customer.consents) > 1 else -0.04
        elif at < self.opened_at + 2 * DAY:
            share = 0.5
        if self.dice.chance(share):
            self.receive(campaign.messages[0], at)

    def receive_unless_ordered(self, message: Message, key: str, since: int, at: int) -> None:
        """Receive a flow's message; an order in the meantime takes a customer out of most flows."""
        has_ordered = any(since < ordered_at for ordered_at, _ in self.customer.orders)
        if not has_ordered or key in {"welcome", "thanks"}:
            self.receive(message, at)

    def receive(self, message: Message, at: int) -> None:
        customer, dice = self.customer, self.dice
        if not customer.can_receive(message.channel):
            return
        self.sendings += 1
        sending = send(customer, message, at, dice, number=self.sendings)
        refusal, share = REFUSALS[message.channel]
        if dice.chance(share):
            self.refuse(sending, refusal)
            return
        if dice.chance(0.985):
            self.events.append(log_receipt(sending))
        react = {"email": self.react_to_email, "sms": self.react_to_text, "push": self.react_to_push}
        react[message.channel](sending)
        if message.channel in LAPSES and dice.chance(LAPSES[message.channel][1]):
            self.plan(at + dice.lag(READING_LAG), partial(self.lapse, sending))

    def refuse(self, sending: Sending, metric: str) -> None:
        """Bounce; a hard bounce ends the e-mail, and a few are dropped before they leave."""
        at = sending.received_at
        properties = describe_sending(sending)
        if metric == "Bounced Email":
            properties["Bounce Type"] = self.dice.weigh(((3, "Soft"), (1, "Hard")))
            if properties["Bounce Type"] == "Hard":
                self.customer.consents["email"] = Consent(self.customer.created_at, at, "HARD_BOUNCE")
            elif self.dice.chance(0.2):
                metric = "Dropped Email"
        self.events.append(Event(at, self.customer, name_metric(metric, at), properties, sending))

    def react_to_email(self, sending: Sending) -> None:
        customer, dice, at = self.customer, self.dice, sending.received_at
        if customer.has_machine_opens and dice.chance(0.44):
            self.plan(at + dice.between(20, 40 * MINUTE), partial(self.touch, sending, "open", is_machine=True))
        if dice.chance(0.0025):
            self.plan(at + dice.between(2, 50), partial(self.touch, sending, "click", is_machine=True))
        if dice.chance(0.05 + 0.32 * customer.engagement):
            self.plan(at + dice.lag(READING_LAG), partial(self.read, sending))

    def read(self, sending: Sending, at: int) -> None:
        dice = self.dice
        self.touch(sending, "open", at)
        if dice.chance(0.15):
            self.plan(at + dice.lag(READING_LAG), partial(self.touch, sending, "open"))
        if dice.chance(0.14):
            self.plan(at + dice.between(4, 200), partial(self.click, sending, 0.30))
        elif dice.chance(0.035):
            self.plan(at + dice.lag(THINKING_LAG), partial(self.visit, 0.8))

    def react_to_text(self, sending: Sending) -> None:
        dice, at = self.dice, sending.received_at
        if dice.chance(0.06 + 0.26 * self.customer.engagement):
            self.plan(at + dice.lag(TEXT_LAG), partial(self.click, sending, 0.14))
        if dice.chance(0.006):
            self.plan(at + dice.lag(TEXT_LAG), self.text_back)
        if dice.chance(0.002):
            self.plan(at + dice.between(1, 20), partial(self.touch, sending, "click", is_machine=True))

    def react_to_push(self, sending: Sending) -> None:
        dice, at = self.dice, sending.received_at
        if dice.chance(0.06 + 0.22 * self.customer.engagement):
            self.plan(at + dice.lag(TEXT_LAG), partial(self.open_push, sending))

    def open_push(self, sending: Sending, at: int) -> None:
        self.touch(sending, "open", at)
        self.follow(at, 0.14)

    def touch(self, sending: Sending, kind: str, at: int, *, is_machine: bool = False) -> None:
        names_message = self.dice.chance(0.99)
        event = log_touch(sending, at, kind, self.dice, is_machine=is_machine, names_message=names_message)
        self.events.append(event)
        if event.touch == "email.open":
            self.opened_at = at

    def click(self, sending: Sending, intent: float, at: int) -> None:
        self.touch(sending, "click", at)
        self.follow(at, intent)

    def follow(self, at: int, intent: float) -> None:
        """Visit the shop at once; who does not order there and then may come back when the wall is measured."""
        orders = len(self.customer.orders)
        self.plan(at + 8, partial(self.visit, intent))
        if self.dice.chance(0.34):
            self.plan(at + self.dice.lag(THINKING_LAG), partial(self.come_back, orders))

    def come_back(self, orders: int, at: int) -> None:
        if len(self.customer.orders) == orders:
            self.visit(0.85, at)

    def text_back(self, at: int) -> None:
        """Text the shop: the metric is called Sent, but it is the customer who sent it."""
        properties: dict[str, object] = {
            "Message Body": self.dice.pick(("HELP", "INFO", "Thanks!")),
            "$event_id": str(at),
        }
        self.events.append(Event(at, self.customer, name_metric("Sent SMS", at), properties))

    def lapse(self, sending: Sending, at: int) -> None:
        channel = sending.message.channel
        if not self.customer.can_receive(channel):
            return
        metric, _ = LAPSES[channel]
        reason = "USER_SUPPRESSED"
        if channel == "email" and self.dice.chance(0.15):
            metric, reason = "Marked Email as Spam", "SPAM_COMPLAINT"
        self.customer.consents[channel] = Consent(self.customer.consents[channel].given_at, at, reason)
        self.events.append(Event(at, self.customer, name_metric(metric, at), describe_sending(sending), sending))

    def visit(self, intent: float, at: int) -> None:
        customer, dice = self.customer, self.dice
        self.events.append(log_visit(customer, at, dice))
        for _ in range(dice.weigh(((50, 1), (20, 2), (5, 3), (25, 0)))):
            at += dice.between(15, 4 * MINUTE)
            self.events.append(log_view(customer, at, dice))
        wants_to_order = dice.chance(intent)
        if wants_to_order or dice.chance(0.22):
            items = choose_items(customer, dice)
            at += dice.between(MINUTE, 6 * MINUTE)
            self.events.append(log_checkout(customer, at, items))
            if wants_to_order:
                self.plan(at + dice.between(2 * MINUTE, 15 * MINUTE), partial(self.order, items))
            else:
                self.start_flow("cart", at)
        elif dice.chance(0.5):
            self.start_flow("browse", at)

    def order(self, items: list[dict[str, object]], at: int) -> None:
        customer, dice = self.customer, self.dice
        placed = log_order(customer, at, items)
        self.events += placed
        if dice.chance(0.045):
            share = 1.0 if dice.chance(0.6) else 0.5
            self.plan(at + dice.between(3 * DAY, 20 * DAY), partial(self.reverse, placed[0], "Refunded Order", share))
        elif dice.chance(0.02):
            self.plan(at + dice.between(HOUR, 30 * HOUR), partial(self.reverse, placed[0], "Cancelled Order", 1.0))
        self.start_flow("thanks", at)
        self.start_flow("winback", at)

    def reverse(self, order: Event, metric: str, share: float, at: int) -> None:
        self.events.append(log_reversal(order, at, metric, share=share))
