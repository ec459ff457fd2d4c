"""The faults that a piece of code can get: what is written in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

_COMPARISONS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
"""The border moved and the opposite."""
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}
_OPPOSITE: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


def of(node: ast.expr | ast.stmt) -> Iterator[tuple[str, str]]:
    """Yield the kind and the text of each fault that can replace ``node``."""
    match node:
        case ast.Compare():
            yield from (("comparison", text) for text in _comparisons(node))
        case ast.BinOp() | ast.AugAssign():
            yield from (("arithmetic", text) for text in _arithmetic(node))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "arithmetic", f"({ast.unparse(operand)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "dropped not", f"({ast.unparse(operand)})"
        case ast.BoolOp():
            other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
            yield "boolean", f"({ast.unparse(ast.BoolOp(other, node.values))})"
        case ast.Constant():
            yield from (("constant", text) for text in _constants(node.value))
        case ast.Call():
            yield from _calls(node)
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield "returned None", "return None"
    if _can_be_removed(node):
        yield "removed statement", "pass"


def _comparisons(node: ast.Compare) -> Iterator[str]:
    for place, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            operators = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield f"({ast.unparse(ast.Compare(node.left, operators, node.comparators))})"


def _arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[str]:
    other = _ARITHMETIC.get(type(node.op))
    if other is None:
        return
    if isinstance(node, ast.AugAssign):
        yield ast.unparse(ast.AugAssign(node.target, other(), node.value))
    else:
        yield f"({ast.unparse(ast.BinOp(node.left, other(), node.right))})"


def _constants(value: object) -> Iterator[str]:
    match value:
        case bool():
            yield str(not value)
        case int():
            yield from (str(value + 1), f"({value - 1})")


def _calls(node: ast.Call) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _OPPOSITE:
            yield (
                f"{_OPPOSITE[name]} for {name}",
                ast.unparse(ast.Call(ast.Name(_OPPOSITE[name]), node.args, node.keywords)),
            )
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str(number))]):
            try:
                yield "constant", f'Decimal("{Decimal(number) + 1}")'
            except InvalidOperation:
                return


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _can_be_removed(node: ast.expr | ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Expr() | ast.Raise() | ast.AugAssign() | ast.Continue() | ast.Break() | ast.Delete():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
        case _:
            return False
