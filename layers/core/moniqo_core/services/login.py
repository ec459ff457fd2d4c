"""Log in with Amazon Cognito. A refusal does not reveal whether an account exists."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
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

_THROTTLED: Final = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException"})
_REFUSED: Final = frozenset(
    {"NotAuthorizedException", "UserNotFoundException", "UserNotConfirmedException", "InvalidParameterException"}
)
_WRONG_PAIR: Final = "E-mail and password do not match an account."
_HINT: Final = "Check the e-mail and the password. Reset a forgotten password on the sign-in page."


class CognitoClient(Protocol):
    """The part of boto3's Cognito client that is used here."""

    def initiate_auth(self, **arguments: Any) -> Mapping[str, Any]:
        """Call InitiateAuth. Raise botocore's ClientError and BotoCoreError."""
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

    def __init__(self, cognito: CognitoClient, client_id: str, attempts: RateCounters, now: Clock = utc_now) -> None:
        """Log in users of the pool client ``client_id``. ``attempts`` counts in windows of :data:`WINDOW`."""
        self._cognito = cognito
        self._client_id = client_id
        self._attempts = attempts
        self._now = now

    async def log_in(self, email: str, password: str, address: str) -> Tokens:
        """Exchange a password for tokens. ``address`` is the IP address of the client.

        Raises:
            UnauthenticatedError: e-mail and password do not match an account.
            PasswordChangeRequiredError: the account must get a new password first.
            ForbiddenError: the account needs another step, which only the sign-in page offers.
            RateLimitExceededError: too many attempts from this address, for this account or in total.
            TemporarilyUnavailableError: Cognito does not answer.

        """
        keys = (f"login account:{email.casefold()}:{address}", f"login address:{address}")
        now = self._now()
        for key, limit in zip(keys, (ATTEMPTS_PER_ACCOUNT, ATTEMPTS_PER_ADDRESS), strict=True):
            if not await self._attempts.take(key, limit, now):
                wait = self._attempts.seconds_left(now)
                raise RateLimitExceededError("Too many failed attempts to log in.", retry_after=wait, limit=limit)
        tokens = await self._initiate(
            "USER_PASSWORD_AUTH",
            {"USERNAME": email, "PASSWORD": password},
            UnauthenticatedError(_WRONG_PAIR, hint=_HINT),
        )
        for key in keys:
            await self._attempts.release(key, now)
        return tokens

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token. The result repeats it unless Cognito issues a new one.

        Raises:
            UnauthenticatedError: the token is invalid or expired.
            RateLimitExceededError: Cognito throttles the calls.
            TemporarilyUnavailableError: Cognito does not answer.

        """
        refusal = UnauthenticatedError("The refresh token is not valid.", hint="Log in again.")
        return await self._initiate("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": refresh_token}, refusal)

    async def _initiate(self, flow: str, parameters: Mapping[str, str], refusal: WalletError) -> Tokens:
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        try:
            answer = await asyncio.to_thread(
                self._cognito.initiate_auth, AuthFlow=flow, ClientId=self._client_id, AuthParameters=dict(parameters)
            )
        except ClientError as error:
            raise _translate(
                error.response["Error"].get("Code", ""), error.response["Error"].get("Message", ""), refusal
            ) from None
        except ParamValidationError:
            raise refusal from None
        except BotoCoreError:
            raise TemporarilyUnavailableError("The identity provider does not answer.", retry_after=5) from None
        return _tokens(answer, parameters.get("REFRESH_TOKEN", ""))


def _tokens(answer: Mapping[str, Any], refresh_token: str) -> Tokens:
    challenge = answer.get("ChallengeName")
    if challenge == "NEW_PASSWORD_REQUIRED":
        raise PasswordChangeRequiredError("This account has a temporary password.")
    if challenge:
        raise ForbiddenError("This account needs another step to log in.", hint="Log in on the sign-in page.")
    result = answer["AuthenticationResult"]
    return Tokens(result["AccessToken"], result.get("RefreshToken") or refresh_token, int(result["ExpiresIn"]))


def _translate(code: str, message: str, refusal: WalletError) -> WalletError:
    if code == "PasswordResetRequiredException":
        return PasswordChangeRequiredError("The password of this account must be reset.")
    if code in _THROTTLED or "attempts exceeded" in message.lower():
        return RateLimitExceededError("Too many attempts to log in.", retry_after=60)
    if code in _REFUSED:
        return refusal
    return TemporarilyUnavailableError("The identity provider refused to answer.", retry_after=5)
