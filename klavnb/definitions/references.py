"""Segments that are conditions of others: every name is told apart, known, and not its own condition."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from klavnb.definitions.conditions import Condition, Definition, Group, SegmentCondition
from klavnb.errors import DefinitionError, name_some

__all__ = ["check_names", "find_conditions"]


def check_names(definitions: Sequence[Definition]) -> None:
    """Check that segments can be told apart, and that those they refer to are there.

    Raises
    ------
    DefinitionError
        When two have one name; when one refers to a segment that is not among them; when some refer to each
        other in a circle.

    Examples
    --------
    >>> lapsed = Definition(name="Lapsed", root=Group(match="none", parts=(SegmentCondition(segment="Activ"),)))
    >>> check_names([lapsed, Definition(name="Active", root=Group(match="any", parts=()))])
    Traceback (most recent call last):
    klavnb.errors.DefinitionError: Segment "Lapsed" refers to "Activ", which is not among the definitions.
    <BLANKLINE>
    Hint: Did you mean "Active"?
    """
    names = [definition.name for definition in definitions]
    repeated = [f'"{name}"' for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DefinitionError(
            f"More than one segment is called {name_some(repeated)}.",
            hint="Give each its own name: results are told apart by it.",
        )
    referred = {
        definition.name: [
            condition.segment
            for condition in find_conditions(definition.root)
            if isinstance(condition, SegmentCondition)
        ]
        for definition in definitions
    }
    for name, others in referred.items():
        for other in others:
            if other not in referred:
                close = get_close_matches(other, names, n=1)
                known = name_some([f'"{known}"' for known in names])
                raise DefinitionError(
                    f'Segment "{name}" refers to "{other}", which is not among the definitions.',
                    hint=f'Did you mean "{close[0]}"?' if close else f"There is {known}.",
                )
    try:
        TopologicalSorter(referred).prepare()
    except CycleError as error:
        circle = " → ".join(f'"{name}"' for name in reversed(error.args[1]))
        raise DefinitionError(
            f"Segments refer to each other in a circle: {circle}.", hint="Take one of these conditions out."
        ) from None


def find_conditions(group: Group) -> Iterator[Condition]:
    """Walk through the conditions of a group and of the groups in it, in the order they are written."""
    for part in group.parts:
        if isinstance(part, Group):
            yield from find_conditions(part)
        else:
            yield part
