"""The template's user pool in moto, with the users that STATE_DIR keeps."""

from __future__ import annotations

import json
from typing import Any, Final

from local import names, signing_key, users
from local.errors import TemplateError
from local.state import StateDirectory
from local.template import Template

_TOKENS_KEPT: Final = 500


class Identity:
    """One user pool with one client, both with fixed ids. Its users are loaded from a file and saved to it."""

    def __init__(self, template: Template, state: StateDirectory) -> None:
        from moto.cognitoidp.models import cognitoidp_backends

        self._state = state
        backend = cognitoidp_backends[names.ACCOUNT][names.REGION]
        self._pool = self._make_pool(backend, template)
        signing_key.install(state, self._pool)
        for _, properties in template.properties("AWS::Cognito::UserPoolGroup"):
            self._make_group(properties["GroupName"])
        kept = users.read(state)
        for user in kept["users"]:
            self._restore(user)
        self._pool.refresh_tokens = {token: tuple(owner) for token, owner in kept["refresh_tokens"].items()}
        self._written = self._snapshot()

    @staticmethod
    def _make_pool(backend: Any, template: Template) -> Any:
        pools = list(template.properties("AWS::Cognito::UserPool"))
        clients = list(template.properties("AWS::Cognito::UserPoolClient"))
        if len(pools) > 1 or len(clients) > 1:
            raise TemplateError("template.yaml: `make run` supports one user pool with one client.")
        configuration = pools[0][1] if pools else {"UsernameAttributes": ["email"]}
        pool = backend.create_user_pool(names.STACK, configuration)
        del backend.user_pools[pool.id]
        pool.id = names.POOL_ID
        backend.user_pools[pool.id] = pool
        client = backend.create_user_pool_client(pool.id, False, clients[0][1] if clients else {})
        del pool.clients[client.id]
        client.id = names.CLIENT_ID
        pool.clients[client.id] = client
        return pool

    def _make_group(self, name: str) -> Any:
        if name not in self._pool.groups:
            self._pool.backend.create_group(self._pool.id, name, "", None, None)
        return self._pool.groups[name]

    def _restore(self, kept: dict[str, Any]) -> None:
        from moto.cognitoidp.models import CognitoIdpUser, UserStatus

        attributes = [{"Name": name, "Value": value} for name, value in kept["attributes"].items()]
        username = kept["sub"] if self._pool.extended_config.get("UsernameAttributes") else kept["email"]
        user = CognitoIdpUser(self._pool.id, username, kept["password"], UserStatus(kept["status"]), attributes)
        user.id = kept["sub"]
        user.enabled = kept["enabled"]
        user.update_attributes([{"Name": "sub", "Value": user.id}])
        for name in kept["groups"]:
            group = self._make_group(name)
            user.groups.add(group)
            group.users.add(user)
        self._pool.users[user.username] = user

    def _snapshot(self) -> str:
        return json.dumps(
            {
                "users": [
                    {
                        "sub": user.id,
                        "email": user.attribute_lookup.get("email", user.username),
                        "password": user.password,
                        "groups": sorted(group.group_name for group in user.groups),
                        "status": getattr(user.status, "value", user.status),
                        "enabled": user.enabled,
                        "attributes": {
                            item["Name"]: item["Value"] for item in user.attributes if item["Name"] != "sub"
                        },
                    }
                    for user in self._pool.users.values()
                ],
                "refresh_tokens": dict([pair for pair in self._pool.refresh_tokens.items() if pair[1]][-_TOKENS_KEPT:]),
            }
        )

    def save(self) -> None:
        """Write the users and refresh tokens if they changed."""
        snapshot = self._snapshot()
        if snapshot != self._written:
            self._state.write(users.FILE, json.loads(snapshot))
            self._written = snapshot
