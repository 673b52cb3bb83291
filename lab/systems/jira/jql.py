"""JQL, the part that integrations use: comparisons joined by AND, OR, NOT and brackets, and ORDER BY.

Fields: project, key, id, issuetype, status, resolution, priority, labels, assignee, reporter, summary, description, created, updated,
and custom fields as `cf[10001]` or by their quoted name. Operators: = != ~ !~ > >= < <= in, not in, is, is not.

Source: Atlassian support, "JQL fields" and "JQL operators". `~` asks for all words in any order; a quoted phrase inside the value
asks for the phrase. Times without quotes are epoch milliseconds; in quotes they are minutes in the user's own time zone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

Row = Callable[[str], Any]
"""An issue, as a function from field id to plain value; times are epoch seconds."""

Test = Callable[[Row], bool]

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<mark>!=|!~|>=|<=|[=~<>(),])|(?P<word>[^\s"'=!~<>(),]+))""",
    re.DOTALL,
)
_ALIASES: Final = {"issuekey": "key", "issue": "key", "type": "issuetype", "created date": "created"}
_TIMES: Final = {"created", "updated", "resolutiondate"}
_NAMED: Final = {"status", "priority", "resolution", "issuetype", "project"}
_TEXTS: Final = {"summary", "description", "environment"}
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class JqlError(ValueError):
    """The query can't be understood; the message is for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    quoted: bool = False

    def is_word(self, *words: str) -> bool:
        return not self.quoted and self.text.upper() in words


@dataclass(slots=True)
class Query:
    """`test` is None for a query without a restriction."""

    test: Test | None = None
    order: list[tuple[str, bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the site knows: custom fields by name in lower case, names of statuses and so on, the user's time zone, now."""

    custom_ids: dict[str, str]
    names: dict[str, list[str]]
    time_zone: str
    now: float


def parse(text: str, vocabulary: Vocabulary) -> Query:
    """Read a query.

    Raises:
        JqlError: With the words that Jira would use, more or less.
    """
    return _Parser(_tokens(text), vocabulary).query()


def sort(query: Query, rows: list[Any], row_of: Callable[[Any], Row]) -> list[Any]:
    """Rows in the order asked for; keys by project, then number."""
    for name, descending in reversed(query.order):
        rows = sorted(rows, key=_sort_key(name, row_of), reverse=descending)
    return rows


def _sort_key(name: str, row_of: Callable[[Any], Row]) -> Callable[[Any], Any]:
    def key(row: Any) -> tuple[Any, ...]:
        value = row_of(row)(name)
        if name == "key":
            project, _, number = str(value).rpartition("-")
            return (project, int(number) if number.isdecimal() else 0)
        return (value is None, value if isinstance(value, int | float) else str(value).casefold())

    return key


def _tokens(text: str) -> list[Token]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise JqlError(f"Error in the JQL Query: unexpected character at position {at + 1}.")
        quoted = found["quoted"]
        tokens.append(
            Token(re.sub(r"\\(.)", r"\1", quoted[1:-1]), quoted=True)
            if quoted
            else Token(found["mark"] or found["word"])
        )
        at = found.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens; each method reads one rule of the grammar."""

    def __init__(self, tokens: list[Token], vocabulary: Vocabulary) -> None:
        self._tokens = tokens
        self._at = 0
        self._vocabulary = vocabulary

    def query(self) -> Query:
        query = Query()
        if self._tokens and not self._peek().is_word("ORDER"):
            query.test = self._either()
        if self._take_word("ORDER"):
            self._expect("BY")
            query.order = self._order()
        if self._at < len(self._tokens):
            raise JqlError(f"Error in the JQL Query: Expecting operator but got '{self._peek().text}'.")
        return query

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take_word("OR", "||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._factor()]
        while self._take_word("AND", "&&"):
            tests.append(self._factor())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _factor(self) -> Test:
        if self._take_word("NOT"):
            inner = self._factor()
            return lambda row: not inner(row)
        if self._take_word("("):
            inner = self._either()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        name = self._field(self._next())
        operator = self._next().text.upper()
        if operator == "IS":
            is_not = self._take_word("NOT")
            self._expect("EMPTY", "NULL")
            return _emptiness(name, empty=not is_not)
        if operator == "NOT":
            self._expect("IN")
            return _negated(name, self._membership(name))
        if operator == "IN":
            return self._membership(name)
        return self._single(name, operator, self._next())

    def _membership(self, name: str) -> Test:
        self._expect("(")
        tests = [self._single(name, "=", self._next())]
        while self._take_word(","):
            tests.append(self._single(name, "=", self._next()))
        self._expect(")")
        return lambda row: any(test(row) for test in tests)

    def _single(self, name: str, operator: str, token: Token) -> Test:
        if token.is_word("EMPTY", "NULL") and operator in {"=", "!="}:
            return _emptiness(name, empty=operator == "=")
        match operator:
            case "=":
                return self._equality(name, token)
            case "!=":
                return _negated(name, self._equality(name, token))
            case "~":
                return _containment(name, token.text)
            case "!~":
                return _negated(name, _containment(name, token.text))
            case ">" | ">=" | "<" | "<=":
                return self._order_test(name, operator, token)
        raise JqlError(f"Error in the JQL Query: '{operator}' is not an operator.")

    def _equality(self, name: str, token: Token) -> Test:
        if name in _TIMES:
            return self._order_test(name, "=", token)
        if name in _TEXTS:
            raise JqlError(f"The operator '=' is not supported by the '{name}' field.")
        self._check_name(name, token.text)
        wanted = token.text.casefold()
        return lambda row: wanted in _comparable(row(name))

    def _check_name(self, name: str, value: str) -> None:
        known = self._vocabulary.names.get(name)
        if known is not None and value.casefold() not in {one.casefold() for one in known}:
            raise JqlError(f"The value '{value}' does not exist for the field '{name}'.")

    def _order_test(self, name: str, operator: str, token: Token) -> Test:
        bound = self._moment(name, token) if name in _TIMES else _number(name, token)
        test = _ORDERINGS[operator]

        def holds(row: Row) -> bool:
            value = row(name)
            return isinstance(value, int | float) and test(value, bound)

        return holds

    def _moment(self, name: str, token: Token) -> float:
        if not token.quoted and token.text.lstrip("-").isdecimal():
            return int(token.text) / 1000
        if relative := re.fullmatch(r"-(\d+)([mhdw])", token.text):
            return self._vocabulary.now - timedelta(**{_UNITS[relative[2]]: int(relative[1])}).total_seconds()
        zone = ZoneInfo(self._vocabulary.time_zone)
        for form in ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d"):
            try:
                return datetime.strptime(token.text, form).replace(tzinfo=zone).astimezone(UTC).timestamp()
            except ValueError:
                continue
        raise JqlError(
            f"Date value '{token.text}' for field '{name}' is invalid. "
            "Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd'."
        )

    def _order(self) -> list[tuple[str, bool]]:
        order = [self._order_column()]
        while self._take_word(","):
            order.append(self._order_column())
        return order

    def _order_column(self) -> tuple[str, bool]:
        name = self._field(self._next())
        if self._take_word("DESC"):
            return name, True
        self._take_word("ASC")
        return name, False

    def _field(self, token: Token) -> str:
        name = token.text.casefold()
        name = _ALIASES.get(name, name)
        if custom := re.fullmatch(r"cf\[(\d+)\]", name):
            name = f"customfield_{custom[1]}"
        if name in _KNOWN or name in self._vocabulary.custom_ids.values():
            return name
        if name in self._vocabulary.custom_ids:
            return self._vocabulary.custom_ids[name]
        raise JqlError(f"Field '{token.text}' does not exist or you do not have permission to view it.")

    def _peek(self) -> Token:
        if self._at >= len(self._tokens):
            raise JqlError("Error in the JQL Query: the query ended too early.")
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _take_word(self, *words: str) -> bool:
        taken = self._at < len(self._tokens) and self._tokens[self._at].is_word(*words)
        self._at += taken
        return taken

    def _expect(self, *words: str) -> None:
        if not self._take_word(*words):
            raise JqlError(f"Error in the JQL Query: Expecting '{words[0]}' but got '{self._peek().text}'.")


_KNOWN: Final = _TIMES | _NAMED | _TEXTS | {"key", "id", "labels", "assignee", "reporter", "duedate"}

_EMPTY: Final[tuple[Any, ...]] = (None, "", [])

_ORDERINGS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": lambda value, bound: value == bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
}


def _negated(name: str, test: Test) -> Test:
    """An empty field is not unequal to anything."""
    return lambda row: row(name) not in _EMPTY and not test(row)


def _emptiness(name: str, *, empty: bool) -> Test:
    return lambda row: (row(name) in _EMPTY) == empty


def _comparable(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one).casefold() for one in values if one is not None]


def _number(name: str, token: Token) -> float:
    try:
        return float(token.text)
    except ValueError:
        raise JqlError(f"The value '{token.text}' is no number, for field '{name}'.") from None


def _containment(name: str, asked: str) -> Test:
    phrases = [" ".join(_words(phrase)) for phrase in re.findall(r'"([^"]*)"', asked)]
    words = set(_words(re.sub(r'"[^"]*"', " ", asked)))

    def holds(row: Row) -> bool:
        held = _words(str(row(name) or ""))
        text = f" {' '.join(held)} "
        return words <= set(held) and all(f" {phrase} " in text for phrase in phrases)

    return holds


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
