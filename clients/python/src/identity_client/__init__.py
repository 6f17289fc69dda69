"""A client of the kiosk API of an identity site: who is in a picture, who comes and goes, people and their photos.

with IdentityClient("https://identity.example.org", key="fid_...") as site:
    for face in site.identify("camera.jpg").faces:
        print(face.decision, face.candidates)
"""

from __future__ import annotations

from identity_client.client import IdentityClient
from identity_client.errors import (
    ApiError,
    BadRequest,
    Conflict,
    ConnectionLost,
    Forbidden,
    IdentityError,
    NotFound,
    ServerError,
    Throttled,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    Unusable,
)
from identity_client.pictures import Picture
from identity_client.webhooks import Message, WebhookRefused, read_webhook

__version__ = "0.1.0"
__all__ = [
    "ApiError",
    "BadRequest",
    "Conflict",
    "ConnectionLost",
    "Forbidden",
    "IdentityClient",
    "IdentityError",
    "Message",
    "NotFound",
    "Picture",
    "ServerError",
    "Throttled",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "Unusable",
    "WebhookRefused",
    "read_webhook",
]
