"""Secrets Manager, SQS and Cognito on loopback: moto's server with the template's resources in it.

moto keeps everything in memory. Users, their refresh tokens and the values of secrets must survive a restart. They are
written to STATE_DIR after every call that may have changed them, before the call is answered.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from local import names
from local.aws_guard import AwsGuard
from local.lifeline import follow_parent
from local.state import StateDirectory
from local.template import Template
from moniqo_core.credentials.key_ring import KeyRing, new_key, read_ring, write_ring
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import TemporarilyUnavailableError

SECRETS_FILE: Final = "secrets.json"
_ROTATION: Final = "AWS::SecretsManager::RotationSchedule"
_QUEUE_ATTRIBUTES: Final = {
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
    "RedrivePolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
}


def make_queues(template: Template) -> None:
    """Make the template's queues.

    Queues that have no dead-letter queue come first, because the others refer to them.
    """
    from moto.sqs.models import sqs_backends

    backend = sqs_backends[names.ACCOUNT][names.REGION]
    queues = sorted(template.properties("AWS::SQS::Queue"), key=lambda queue: "RedrivePolicy" in queue[1])
    for logical_id, properties in queues:
        settings = {
            name: json.dumps(value) if isinstance(value, dict) else value
            for name, value in properties.items()
            if name in _QUEUE_ATTRIBUTES
        }
        backend.create_queue(names.physical_name(logical_id), **settings)


def read_secrets(state: StateDirectory) -> dict[str, Any]:
    """Return the kept versions of each secret by its name. ``LocalError`` if the file is broken."""
    kept: dict[str, Any] | None = state.read(
        SECRETS_FILE,
        lambda kept: all(secret["current"] in secret["versions"] for secret in kept.values()),
        "It holds the keys of stored credentials, so do not delete it while a wallet at an exchange is connected."
        " Restore it from a copy. Without it, credentials must be given again.",
    )
    return {} if kept is None else kept


class Secrets:
    """The template's secrets with their latest values."""

    def __init__(self, template: Template, state: StateDirectory) -> None:
        from moto.secretsmanager.models import secretsmanager_backends

        self._state = state
        self._backend = secretsmanager_backends[names.ACCOUNT][names.REGION]
        kept = read_secrets(state)
        for logical_id, properties in template.properties("AWS::SecretsManager::Secret"):
            name = names.physical_name(logical_id)
            value = self._initial_value(properties)
            self._backend.create_secret(name, value, None, None, None, None, None, [], False)
            secret = self._backend.secrets[name]
            secret.arn = names.arn("AWS::SecretsManager::Secret", logical_id)
            if name in kept:
                secret.versions = kept[name]["versions"]
                secret.default_version_id = kept[name]["current"]
        self._written = self._snapshot()
        self._add_first_keys({rotation["SecretId"] for _, rotation in template.properties(_ROTATION)})
        self.save()

    @staticmethod
    def _initial_value(properties: dict[str, Any]) -> str | None:
        if "SecretString" in properties:
            return str(properties["SecretString"])
        generated = properties.get("GenerateSecretString")
        if generated is None:
            return None
        from moto.secretsmanager.utils import random_password

        password: str = random_password(
            int(generated.get("PasswordLength", 32)), "", False, False, True, False, False, True
        )
        if "SecretStringTemplate" not in generated:
            return password
        return json.dumps({**json.loads(generated["SecretStringTemplate"]), generated["GenerateStringKey"]: password})

    def _add_first_keys(self, rotated: Collection[str]) -> None:
        """Put a key into each empty ring, as its first rotation does on AWS. That follows the deployment at once."""
        for secret in list(self._backend.secrets.values()):
            text = secret.versions[secret.default_version_id].get("secret_string")
            with suppress(TemporarilyUnavailableError):  # it holds something else
                if secret.arn in rotated and not read_ring(text).keys:
                    key = new_key(utc_now())
                    ring = write_ring(KeyRing({key.kid: key}))
                    self._backend.put_secret_value(secret.name, ring, "", str(uuid.uuid4()), ["AWSCURRENT"])

    def _snapshot(self) -> str:
        return json.dumps(
            {
                secret.name: {"versions": secret.versions, "current": secret.default_version_id}
                for secret in self._backend.secrets.values()
            }
        )

    def save(self) -> None:
        """Write the values if they changed."""
        snapshot = self._snapshot()
        if snapshot != self._written:
            self._state.write(SECRETS_FILE, json.loads(snapshot))
            self._written = snapshot


class SavedApplication:
    """moto's application. It saves changes after every call and before the answer."""

    def __init__(self, application: Any, savers: dict[str, Callable[[], None]]) -> None:
        self._application = application
        self._savers = savers
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one WSGI request."""
        body: Iterable[bytes] = self._application(environ, start_response)
        save = self._savers.get(environ.get("HTTP_X_AMZ_TARGET", "").split(".")[0])
        if save:
            with self._lock:
                save()
        return body


def main() -> None:
    """Serve on the inherited listening socket (the first argument) until the parent ends."""
    follow_parent()
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from local.identity import Identity

    listener, state = int(sys.argv[1]), StateDirectory(Path(sys.argv[3]))
    template = Template(Path(sys.argv[2]), parameters=json.loads(sys.argv[4]))
    make_queues(template)
    savers = {
        "secretsmanager": Secrets(template, state).save,
        "AWSCognitoIdentityProviderService": Identity(template, state).save,
    }
    saved = SavedApplication(DomainDispatcherApplication(create_backend_app), savers)
    application = AwsGuard(saved, os.environ["AWS_ACCESS_KEY_ID"])
    make_server(
        "127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler, fd=listener
    ).serve_forever()


if __name__ == "__main__":
    main()
