"""Log in with Amazon Cognito. A refusal does not reveal whether an account exists.

Passwords go through an operation that needs the function's own rights. Nobody can try passwords at Cognito's public
interface, so the limits here cannot be avoided. Each address is counted before anything that all callers share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import (
    ForbiddenError,
    PasswordChangeRequiredError,
    RateLimitExceededError,
    TemporarilyUnavailableError,
    UnauthenticatedError,
    WalletError,
)
from moniqo_core.storage.rate_counters import RateCounters

WINDOW: Final = timedelta(minutes=5)
ATTEMPTS_PER_ACCOUNT: Final = 10
ATTEMPTS_PER_ADDRESS: Final = 100
REFRESHES_PER_ADDRESS: Final = 100

Answer = Mapping[str, Any]

_SERVER: Final = "moniqo-wallets"
_PATH: Final = "/api/v1/auth/login"
_THROTTLED: Final = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException"})
_REFUSED: Final = frozenset(
    {"NotAuthorizedException", "UserNotFoundException", "UserNotConfirmedException", "InvalidParameterException"}
)
_WRONG_PAIR: Final = "E-mail and password do not match an account."
_HINT: Final = "Check the e-mail and the password. Reset a forgotten password on the sign-in page."


class CognitoClient(Protocol):
    """The part of boto3's Cognito client that is used here."""

    def admin_initiate_auth(self, **arguments: Any) -> Answer:
        """Call AdminInitiateAuth, which needs a right. Raise botocore's ClientError and BotoCoreError."""
        ...

    def initiate_auth(self, **arguments: Any) -> Answer:
        """Call InitiateAuth, which anybody may call. Raise botocore's ClientError and BotoCoreError."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens with which a client calls the service. ``expires_in`` is in seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - a scheme, not a secret


class Login:
    """Exchanges passwords and refresh tokens for access tokens."""

    def __init__(
        self, cognito: CognitoClient, pool_id: str, client_id: str, attempts: RateCounters, now: Clock = utc_now
    ) -> None:
        """Log in users of a pool through its client ``client_id``. ``attempts`` counts in windows of :data:`WINDOW`."""
        self._cognito = cognito
        self._pool_id = pool_id
        self._client_id = client_id
        self._attempts = attempts
        self._now = now

    async def log_in(self, email: str, password: str, address: str) -> Tokens:
        """Exchange a password for tokens. ``address`` is the IP address of the client.

        Raises:
            UnauthenticatedError: e-mail and password do not match an account.
            PasswordChangeRequiredError: the account must get a new password first.
            ForbiddenError: the account needs another step, which only the sign-in page offers.
            RateLimitExceededError: too many failed attempts from this address, or from it for this account.
            TemporarilyUnavailableError: Cognito does not answer.

        """
        counted = {
            f"login address:{address}": ATTEMPTS_PER_ADDRESS,
            f"login account:{email.casefold()}:{address}": ATTEMPTS_PER_ACCOUNT,
        }
        login = partial(
            self._cognito.admin_initiate_auth,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            UserPoolId=self._pool_id,
            ClientId=self._client_id,
            AuthParameters={"USERNAME": email, "PASSWORD": password},
            # Cognito's threat protection judges the caller, not this function.
            ContextData={"IpAddress": address, "ServerName": _SERVER, "ServerPath": _PATH, "HttpHeaders": []},
        )
        return _tokens(await self._ask(counted, login, UnauthenticatedError(_WRONG_PAIR, hint=_HINT)), None)

    async def refresh(self, refresh_token: str, address: str) -> Tokens:
        """Exchange a refresh token. The result repeats it unless Cognito issues a new one.

        Raises:
            UnauthenticatedError: the token is invalid or expired.
            RateLimitExceededError: too many failed attempts from this address, or Cognito throttles the calls.
            TemporarilyUnavailableError: Cognito does not answer.

        """
        refresh = partial(
            self._cognito.initiate_auth,
            AuthFlow="REFRESH_TOKEN_AUTH",
            ClientId=self._client_id,
            AuthParameters={"REFRESH_TOKEN": refresh_token},
        )
        refusal = UnauthenticatedError("The refresh token is not valid.", hint="Log in again.")
        counted = {f"refresh address:{address}": REFRESHES_PER_ADDRESS}
        return _tokens(await self._ask(counted, refresh, refusal), refresh_token)

    async def _ask(self, limits: Mapping[str, int], call: Callable[[], Answer], refusal: WalletError) -> Answer:
        """Call Cognito, and count the call under each key of ``limits`` unless it succeeds.

        Keys are counted in order, and at a limit the rest is not. So a refused address adds no counters of accounts.
        """
        now = self._now()
        for key, limit in limits.items():
            if not await self._attempts.take(key, limit, now):
                wait = self._attempts.seconds_left(now)
                raise RateLimitExceededError("Too many failed attempts to log in.", retry_after=wait, limit=limit)
        answer = await _answer(call, refusal)
        for key in limits:
            await self._attempts.release(key, now)
        return answer


async def _answer(call: Callable[[], Answer], refusal: WalletError) -> Answer:
    """Return Cognito's answer. Raise ``refusal`` where it refuses the password or token, or another WalletError."""
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        return await asyncio.to_thread(call)
    except ClientError as error:
        raise _translate(
            error.response["Error"].get("Code", ""), error.response["Error"].get("Message", ""), refusal
        ) from None
    except ParamValidationError:
        raise refusal from None
    except BotoCoreError:
        raise TemporarilyUnavailableError("The identity provider does not answer.", retry_after=5) from None


def _tokens(answer: Answer, refresh_token: str | None) -> Tokens:
    """Return the tokens of an answer, with the refresh token that was exchanged unless Cognito issued a new one."""
    challenge = answer.get("ChallengeName")
    if challenge == "NEW_PASSWORD_REQUIRED":
        raise PasswordChangeRequiredError("This account has a temporary password.")
    if challenge:
        raise ForbiddenError("This account needs another step to log in.", hint="Log in on the sign-in page.")
    result = answer["AuthenticationResult"]
    return Tokens(result["AccessToken"], result.get("RefreshToken") or refresh_token or "", int(result["ExpiresIn"]))


def _translate(code: str, message: str, refusal: WalletError) -> WalletError:
    if code == "PasswordResetRequiredException":
        return PasswordChangeRequiredError("The password of this account must be reset.")
    if code in _THROTTLED or "attempts exceeded" in message.lower():
        return RateLimitExceededError("Too many attempts to log in.", retry_after=60)
    if code in _REFUSED:
        return refusal
    return TemporarilyUnavailableError("The identity provider refused to answer.", retry_after=5)
