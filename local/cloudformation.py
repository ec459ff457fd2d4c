"""Reads a CloudFormation template and resolves its intrinsic functions on demand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from local.errors import TemplateError

NO_VALUE: Final = object()
_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _TemplateLoader(_Loader):  # type: ignore[misc]
    """A safe loader that turns `!Name value` into its long form, `{"Fn::Name": value}`."""


def _tagged(loader: Any, suffix: str, node: yaml.Node) -> dict[str, object]:
    if isinstance(node, yaml.ScalarNode):
        value: object = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _tagged)


def load(path: Path) -> dict[str, Any]:
    """Read the template. ``TemplateError`` names the file and line of a syntax error."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_TemplateLoader)  # noqa: S506  # nosec B506
    except FileNotFoundError:
        raise TemplateError(f"{path.name} is missing. Run this from the top of the repository.") from None
    except OSError as error:
        raise TemplateError(f"{path.name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{path.name} is not UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "is not YAML"
        raise TemplateError(f"{path.name}{where}: {problem}.") from None
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path.name} has no Resources.")
    for name, resource in document["Resources"].items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise TemplateError(f"{path.name}: the resource {name} has no Type.")
    return document


def _refuse_unfit(name: str, declaration: Mapping[str, Any], value: str) -> None:
    """Refuse a value that the declaration of the parameter does not allow, as CloudFormation does."""
    allowed = list(map(str, declaration.get("AllowedValues", ())))
    if allowed and value not in allowed:
        raise TemplateError(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    pattern = declaration.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise TemplateError(f"{name} must match {pattern}, but is {value!r}.")
    if declaration.get("Type") == "Number":
        # CloudFormation would take fractions, but none of the template's numbers has a use for one.
        least, most = declaration.get("MinValue", -math.inf), declaration.get("MaxValue", math.inf)
        if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
            raise TemplateError(f"{name} must be a whole number from {least} to {most}, not {value!r}.")


class Resolver:
    """Resolves intrinsic functions with the template's parameters and the local names of its resources.

    ``parameters`` replace the defaults of the template. A value that is not allowed raises TemplateError.
    ``attribute(logical_id, name)`` returns a resource's attribute. The name "Ref" stands for the result of `!Ref`.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        attribute: Callable[[str, str], str],
        pseudo_parameters: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> None:
        self._document = document
        self._attribute = attribute
        self._values: dict[str, object] = dict(pseudo_parameters)
        declared = document.get("Parameters", {})
        unknown = sorted(set(parameters) - set(declared))
        if unknown:
            raise TemplateError(
                f"template.yaml has no parameter {unknown[0]}. Its parameters are {', '.join(declared)}."
            )
        for name, declaration in declared.items():
            value = parameters.get(name, declaration.get("Default", ""))
            if name in parameters:
                _refuse_unfit(name, declaration, parameters[name])
            is_list = str(declaration.get("Type", "")).endswith(("List", ">"))
            self._values[name] = [part.strip() for part in str(value).split(",")] if is_list else value

    def resolve(self, value: object) -> Any:
        """Return ``value`` with every intrinsic function in it resolved."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition":
                return self._condition(argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                return self._call(name[4:], argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def text(self, value: object) -> str:
        """Resolve ``value`` to the text CloudFormation would write for it."""
        resolved = self.resolve(value)
        if isinstance(resolved, bool):
            return "true" if resolved else "false"
        return str(resolved)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._values:
            return self._values[name]
        return self._attribute(name, "Ref")

    def _condition(self, name: str) -> bool:
        conditions = self._document.get("Conditions", {})
        if name not in conditions:
            raise TemplateError(f"template.yaml: the condition {name} is not defined.")
        return bool(self.resolve(conditions[name]))

    def _call(self, name: str, argument: Any) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise TemplateError(f"template.yaml: `make run` cannot resolve Fn::{name}.")
        try:
            return function(self, argument)
        except (TypeError, ValueError, KeyError, IndexError):
            raise TemplateError(f"template.yaml: Fn::{name} has an invalid argument.") from None

    def _sub(self, argument: Any) -> str:
        template, local = (argument[0], argument[1]) if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in local:
                return self.text(local[name])
            if "." in name:
                return self._attribute(*name.split(".", 1))
            return self.text({"Ref": name})

        return _PLACEHOLDER.sub(replace, template)

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self._condition(condition) else otherwise)

    def _find_in_map(self, argument: list[Any]) -> Any:
        table, first, second = argument
        return self._document["Mappings"][table][self.text(first)][self.text(second)]


_FUNCTIONS: Final[dict[str, Callable[[Resolver, Any], Any]]] = {
    "Sub": lambda self, argument: self._sub(argument),
    "If": lambda self, argument: self._if(argument),
    "FindInMap": lambda self, argument: self._find_in_map(argument),
    "GetAtt": lambda self, argument: self._attribute(argument[0], self.text(argument[1])),
    "Join": lambda self, argument: argument[0].join(self.text(item) for item in self.resolve(argument[1])),
    "Select": lambda self, argument: self.resolve(argument[1])[int(self.text(argument[0]))],
    "Split": lambda self, argument: self.text(argument[1]).split(argument[0]),
    "Equals": lambda self, argument: self.text(argument[0]) == self.text(argument[1]),
    "Not": lambda self, argument: not self.resolve(argument[0]),
    "And": lambda self, argument: all(self.resolve(item) for item in argument),
    "Or": lambda self, argument: any(self.resolve(item) for item in argument),
}
