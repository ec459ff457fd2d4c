"""Reads routes, authorizers, functions, schedules, queues, secrets and the user pool from template.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from local import cloudformation, names
from local.declarations import Cors, Function, JwtAuthorizer, QueueMapping, Route, Schedule, Throttle
from local.errors import TemplateError

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86400}
_DEFAULT_INTEGRATION_TIMEOUT_MS: Final = 30_000


class Template:
    """template.yaml, resolved for this computer.

    ``TemplateError`` if it uses a feature that `make run` does not support.
    """

    def __init__(
        self,
        path: Path,
        aws_url: str = "http://127.0.0.1:0",
        api_url: str = "http://localhost:0",
        parameters: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._root = path.parent
        self._document = cloudformation.load(path)
        self._resources: dict[str, Any] = self._document["Resources"]
        attribute = names.attributes(self._resources, aws_url, api_url)
        self._reading = "Parameters"
        self._api: dict[str, Any] = {}
        self.routes: tuple[Route, ...] = ()
        self.schedules: tuple[Schedule, ...] = ()
        self.mappings: tuple[QueueMapping, ...] = ()
        try:
            self._resolver = cloudformation.Resolver(self._document, attribute, names.PSEUDO_PARAMETERS, parameters)
            self.functions = {function.logical_id: function for function in self._functions()}
            self._api = self._http_api()
            self._read_events()
            declared = self._authorization.get("Authorizers", {})
            self.authorizers = {name: self._authorizer(name) for name in declared}
            self.cors = self._cors()
        except (AttributeError, TypeError, ValueError, KeyError):
            raise TemplateError(f"template.yaml: {self._reading} is not valid.") from None

    @property
    def _authorization(self) -> dict[str, Any]:
        return dict(self._api.get("Auth", {}))

    def properties(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the logical id and resolved properties of each resource whose condition holds.

        ``kind`` is the CloudFormation type of the resources.
        """
        for logical_id, resource in self._made(kind):
            yield logical_id, self._resolver.resolve(resource.get("Properties", {}))

    def _made(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for logical_id, resource in self._resources.items():
            condition = resource.get("Condition")
            self._reading = logical_id
            if resource["Type"] == kind and (condition is None or self._resolver.resolve({"Condition": condition})):
                yield logical_id, resource

    def _globals(self, section: str) -> dict[str, Any]:
        self._reading = "Globals"
        return dict(self._document.get("Globals", {}).get(section, {}))

    def _functions(self) -> Iterator[Function]:
        shared = self._globals("Function")
        for logical_id, resource in self._made("AWS::Serverless::Function"):
            properties = {**shared, **resource.get("Properties", {})}
            variables = {
                **shared.get("Environment", {}).get("Variables", {}),
                **resource.get("Properties", {}).get("Environment", {}).get("Variables", {}),
            }
            resolved = {name: self._resolver.resolve(value) for name, value in variables.items()}
            code = self._root / self._resolver.text(self._required(logical_id, properties, "CodeUri"))
            handler = self._resolver.text(self._required(logical_id, properties, "Handler"))
            if not (code / f"{handler.rpartition('.')[0]}.py").is_file():
                raise TemplateError(f"template.yaml: {logical_id}: there is no {handler} in {code}.")
            yield Function(
                logical_id=logical_id,
                code=code,
                handler=handler,
                timeout=float(self._resolver.text(properties.get("Timeout", 3))),
                memory=int(self._resolver.text(properties.get("MemorySize", 128))),
                environment={
                    name: self._resolver.text(value)
                    for name, value in resolved.items()
                    if value is not cloudformation.NO_VALUE
                },
            )

    @staticmethod
    def _required(logical_id: str, properties: Mapping[str, Any], name: str) -> Any:
        if name not in properties:
            raise TemplateError(f"template.yaml: {logical_id} has no {name}.")
        return properties[name]

    def _http_api(self) -> dict[str, Any]:
        apis = list(self._made("AWS::Serverless::HttpApi"))
        if len(apis) > 1:
            raise TemplateError("template.yaml: `make run` serves one HttpApi, but the template has several.")
        api = {**self._globals("HttpApi"), **(apis[0][1].get("Properties", {}) if apis else {})}
        resolved: dict[str, Any] = self._resolver.resolve(
            {
                name: api[name]
                for name in ("Auth", "CorsConfiguration", "DefaultRouteSettings", "RouteSettings")
                if name in api
            }
        )
        return resolved

    def _read_events(self) -> None:
        routes, schedules, mappings = [], [], []
        for logical_id in self.functions:
            self._reading = logical_id
            events = self._resources[logical_id].get("Properties", {}).get("Events", {})
            for name, event in events.items():
                self._reading = f"{logical_id}.{name}"
                kind = event.get("Type")
                properties = self._resolver.resolve(event.get("Properties", {}))
                label = f"{logical_id}.{name}"
                if kind == "HttpApi":
                    routes.append(self._route(label, logical_id, properties))
                elif kind == "ScheduleV2":
                    if properties.get("State", "ENABLED") == "ENABLED":
                        schedules.append(self._schedule(label, logical_id, properties))
                elif kind == "SQS":
                    if str(properties.get("Enabled", True)).lower() == "true":
                        mappings.append(self._mapping(label, logical_id, properties))
                else:
                    raise TemplateError(f"template.yaml: {label}: `make run` does not support events of type {kind}.")
        self.routes, self.schedules, self.mappings = tuple(routes), tuple(schedules), tuple(mappings)

    def _route(self, label: str, function: str, properties: Mapping[str, Any]) -> Route:
        path, method = self._required(label, properties, "Path"), self._required(label, properties, "Method").upper()
        auth = properties.get("Auth", {})
        authorizer = auth.get("Authorizer", self._authorization.get("DefaultAuthorizer", "NONE"))
        if authorizer != "NONE" and authorizer not in self._authorization.get("Authorizers", {}):
            raise TemplateError(f"template.yaml: {label}: the authorizer {authorizer} is not defined.")
        if not path.startswith("/"):
            raise TemplateError(f"template.yaml: {label}: the path {path} does not begin with /.")
        method = "ANY" if method == "X-AMAZON-APIGATEWAY-ANY-METHOD" else method
        settings = {
            **self._api.get("DefaultRouteSettings", {}),
            **self._api.get("RouteSettings", {}).get(f"{method} {path}", {}),
            **properties.get("RouteSettings", {}),
        }
        throttle = None
        if "ThrottlingRateLimit" in settings and "ThrottlingBurstLimit" in settings:
            throttle = Throttle(float(settings["ThrottlingRateLimit"]), float(settings["ThrottlingBurstLimit"]))
        return Route(
            method=method,
            path=path,
            function=function,
            authorizer=None if authorizer == "NONE" else authorizer,
            scopes=tuple(auth.get("AuthorizationScopes", ())),
            timeout=float(properties.get("TimeoutInMillis", _DEFAULT_INTEGRATION_TIMEOUT_MS)) / 1000,
            throttle=throttle,
        )

    def _authorizer(self, name: str) -> JwtAuthorizer:
        self._reading = f"the authorizer {name}"
        declaration = self._authorization["Authorizers"][name]
        try:
            jwt = declaration["JwtConfiguration"]
            issuer, audience = str(jwt["issuer"]), jwt["audience"]
        except (KeyError, TypeError):
            raise TemplateError(f"template.yaml: the authorizer {name} has no issuer or no audience.") from None
        source = declaration.get("IdentitySource", "$request.header.Authorization")
        if not source.lower().startswith("$request.header."):
            raise TemplateError(f"template.yaml: the authorizer {name} must read a header, not {source}.")
        audience = (audience,) if isinstance(audience, str) else tuple(audience)
        return JwtAuthorizer(issuer, audience, source.rpartition(".")[2].lower())

    def _cors(self) -> Cors | None:
        self._reading = "CorsConfiguration"
        declared = self._api.get("CorsConfiguration")
        if not declared:
            return None
        if not isinstance(declared, dict):
            declared = {"AllowOrigins": ["*"]} if str(declared).lower() == "true" else {"AllowOrigins": [declared]}
        age = declared.get("MaxAge")
        return Cors(
            origins=tuple(declared.get("AllowOrigins", ())),
            methods=tuple(declared.get("AllowMethods", ())),
            headers=tuple(declared.get("AllowHeaders", ())),
            expose=tuple(declared.get("ExposeHeaders", ())),
            credentials=str(declared.get("AllowCredentials", False)).lower() == "true",
            max_age=None if age is None else int(age),
        )

    def _schedule(self, label: str, function: str, properties: Mapping[str, Any]) -> Schedule:
        expression = self._required(label, properties, "ScheduleExpression")
        match = _RATE.fullmatch(expression)
        if not match or int(match[1]) < 1:
            raise TemplateError(
                f"template.yaml: {label}: `make run` supports only rate(...) schedules, not {expression}."
            )
        return Schedule(label, function, float(match[1]) * _SECONDS[match[2]], properties.get("Input"))

    def _mapping(self, label: str, function: str, properties: Mapping[str, Any]) -> QueueMapping:
        queues = {names.arn("AWS::SQS::Queue", name): name for name, _ in self._made("AWS::SQS::Queue")}
        self._reading = label
        queue = queues.get(self._required(label, properties, "Queue"))
        if queue is None:
            raise TemplateError(f"template.yaml: {label}: its queue is not defined in this template.")
        return QueueMapping(
            name=label,
            function=function,
            queue=queue,
            batch_size=int(properties.get("BatchSize", 10)),
            window=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
            partial="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
            concurrency=int(properties.get("ScalingConfig", {}).get("MaximumConcurrency", 2)),
        )
