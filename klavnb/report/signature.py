"""What a notebook can be given: the typed lines of the cell that is tagged `parameters`."""

import ast
import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from klavnb.errors import ReportError
from klavnb.report.notebook import read_cells

__all__ = ["Parameter", "Value", "list_parameters", "read_parameters"]

Value = str | int | float | bool

TYPES: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of a notebook's parameters cell: `top_n: int = 10  # rows to show`.

    Parameters
    ----------
    name, kind, default
        As the line says; the kind is str, int, float or bool.
    meaning
        The comment behind it.
    """

    name: str
    kind: type
    default: Value
    meaning: str


def read_parameters(notebook: Path) -> dict[str, Parameter]:
    """List the parameters of a notebook: name → parameter, in the order of the cell tagged `parameters`.

    A notebook without such a cell has none.

    Raises
    ------
    ReportError
        When the file is no notebook, or a line of the cell is not a typed literal.
    """
    tagged = [cell for cell in read_cells(notebook) if "parameters" in cell.tags]
    return list_parameters(tagged[0].source, where=notebook.name) if tagged else {}


def list_parameters(source: str, *, where: str = "The notebook") -> dict[str, Parameter]:
    """List the parameters that a cell's source declares.

    Raises
    ------
    ReportError
        When a line is not `name: type = literal`, with a type of str, int, float or bool.

    Examples
    --------
    >>> list_parameters("top_n: int = 10  # rows to show")
    {'top_n': Parameter(name='top_n', kind=<class 'int'>, default=10, meaning='rows to show')}
    """
    try:
        statements = ast.parse(source).body
        comments = {
            token.start[0]: token.string.lstrip("# ").strip()
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
    except (SyntaxError, tokenize.TokenError) as error:
        raise ReportError(f"{where}: its parameters cell is not Python: {error}.") from error
    found: dict[str, Parameter] = {}
    for line in statements:
        parameter = _read_line(line, comments.get(line.end_lineno or line.lineno, ""))
        if parameter is None:
            raise ReportError(
                f"{where}: line {line.lineno} of its parameters cell should be a typed literal, "
                f"found {ast.unparse(line)!r}.",
                hint='Write name: type = value  # meaning, such as start: str = ""  # first day, empty = open.',
            )
        found[parameter.name] = parameter
    return found


def _read_line(line: ast.stmt, meaning: str) -> Parameter | None:
    if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name) or line.value is None:
        return None
    kind = TYPES.get(ast.unparse(line.annotation))
    try:
        default = ast.literal_eval(line.value)
    except ValueError:
        return None
    fits = kind is not None and (type(default) is kind or (kind is float and type(default) is int))
    return Parameter(line.target.id, kind, kind(default), meaning) if kind is not None and fits else None
