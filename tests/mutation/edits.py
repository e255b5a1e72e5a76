"""Small bugs that can be seeded into a Python source: one edit of its text each.

The syntax tree says where an edit goes. It is made in the text, so that all else stays as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

COMPARED = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
COMBINED = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
SWAPPED = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
# Conditions of which another edit is the negation.
NEGATED_ELSEWHERE = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)


class Edit(NamedTuple):
    """A bug: the bytes of a source from `start` to `stop` become `new`."""

    start: int
    stop: int
    new: str

    def of(self, source: str) -> str:
        """The source with the bug."""
        text = source.encode()
        return (text[: self.start] + self.new.encode() + text[self.stop :]).decode()

    def line(self, source: str) -> int:
        """Number of the first line that is edited."""
        return source.encode()[: self.start].count(b"\n") + 1

    def statement(self, source: str) -> str:
        """The line that is edited, or the lines, without what stands around them."""
        text = source.encode()
        first, end = text.rfind(b"\n", 0, self.start) + 1, text.find(b"\n", self.stop)
        return " ".join(text[first : len(text) if end < 0 else end].decode().split())


class _Source:
    """Where the nodes of a syntax tree lie in the text."""

    def __init__(self, source: str):
        self.text = source.encode()
        self._lines = [0]
        for line in self.text.split(b"\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def stop(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def replaced(self, node: ast.expr | ast.stmt, new: str) -> Edit:
        return Edit(self.start(node), self.stop(node), new)

    def between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> Edit:
        """Replace an operator that stands between two operands."""
        start = self.stop(left)
        gap = self.text[start : self.start(right)]
        blank = re.sub(rb"#[^\n]*", lambda comment: b" " * len(comment[0]), gap)
        at = start + blank.index(old.encode())
        return Edit(at, at + len(old), new)


def edits_of(source: str) -> list[Edit]:
    """All edits of a source, in the order in which they lie there.

    None is made in annotations, decorators, texts, ``raise`` statements, and what is there for type
    checkers alone.
    """
    lines = _Source(source)
    return sorted({edit for node in _reached(ast.parse(source)) for edit in _edits(lines, node)})


def _reached(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in which bugs are wanted."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    yield node
    left_out = {"annotation", "returns", "decorator_list", "type_params"}
    for name, value in ast.iter_fields(node):
        if name not in left_out:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _reached(child)


def _edits(lines: _Source, node: ast.AST) -> Iterator[Edit]:
    """The edits of one node."""
    match node:
        case ast.Compare():
            operands = [node.left, *node.comparators]
            for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
                yield lines.between(left, right, *COMPARED[type(operator)])
        case ast.BinOp() if type(node.op) in COMBINED and not _is_text(node):
            yield lines.between(node.left, node.right, *COMBINED[type(node.op)])
        case ast.BoolOp():
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield lines.between(left, right, *COMBINED[type(node.op)])
        case ast.UnaryOp(op=ast.Not()):
            yield Edit(lines.start(node), lines.start(node) + len("not "), "")
        case ast.Constant(value=bool(value)):
            yield lines.replaced(node, str(not value))
        case ast.Constant(value=int(value)):
            yield lines.replaced(node, str(value + 1))
        case ast.Constant(value=float(value)):
            yield lines.replaced(node, str(2.0 * value if value else 1.0))
        case ast.If(test=test) | ast.IfExp(test=test) if not _is_negated_elsewhere(test):
            kept = lines.text[lines.start(test) : lines.stop(test)].decode()
            yield lines.replaced(test, f"(not ({kept}))")
        case ast.Continue() | ast.Break():
            yield lines.replaced(node, "pass")
        case ast.AugAssign():
            yield lines.replaced(node, "pass")
            if type(node.op) in COMBINED:
                yield lines.between(node.target, node.value, *COMBINED[type(node.op)])
        case ast.Expr(value=ast.Call()):
            yield lines.replaced(node, "pass")
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in SWAPPED:
            stop = lines.stop(node.func)
            yield Edit(stop - len(name), stop, SWAPPED[name])


def _is_negated_elsewhere(test: ast.expr) -> bool:
    if isinstance(test, ast.Compare):
        return len(test.ops) == 1 and isinstance(test.ops[0], NEGATED_ELSEWHERE)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _is_text(node: ast.BinOp) -> bool:
    """Whether a sum or a product is one of texts."""
    parts = (node.left, node.right)
    return any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in parts
    )
