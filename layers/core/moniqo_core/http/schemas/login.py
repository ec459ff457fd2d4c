"""Request and response bodies of logging in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from moniqo_core.http.schemas.common import ClosedModel, View


class LoginRequest(ClosedModel):
    """E-mail and password of an account."""

    email: Annotated[str, Field(pattern=r"^[^\s@]{1,128}@[^\s@]{1,126}$", examples=["trader@example.com"])]
    password: Annotated[SecretStr, Field(min_length=1, max_length=256, examples=["correct horse battery staple"])]


class RefreshRequest(ClosedModel):
    """The refresh token of an earlier log-in."""

    refresh_token: Annotated[
        SecretStr, Field(min_length=1, max_length=8192, examples=["eyJjdHkiOiJKV1QiLCJlbmMiOi..."])
    ]


class TokensView(View):
    """Tokens of an account. Send the access token as `Authorization: Bearer ...`."""

    access_token: Annotated[str, Field(examples=["eyJraWQiOiJ..."])]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.", examples=[3600])]
    refresh_token: Annotated[str, Field(examples=["eyJjdHkiOiJKV1QiLCJlbmMiOi..."])]
