"""The plugin's settings as the scripts read and write them (``groovy/gate/mini_orange.groovy``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jenkins2fa.api.policy import Factor
from jenkins2fa.core.settings import PluginSettings

PROPERTY_KEY = "property:"  # before the role of a property


def plugin_document(settings: PluginSettings) -> dict[str, Any]:
    """The plugin's settings as the scripts read and write them."""
    mails = Factor.EMAIL_OTP in settings.base_factors
    return {
        "enabled": settings.enabled,
        "securityQuestions": Factor.SECURITY_QUESTIONS in settings.base_factors,
        "emailOTP": {"enabled": mails, "sender": settings.sender or ""} if mails or settings.sender else None,
        "mail": {"subject": settings.subject or "", "template": settings.template or ""} if settings.subject or settings.template else None,
        **{PROPERTY_KEY + role: value for role, value in settings.properties.items()},
    }


def read_plugin_document(document: Mapping[str, Any]) -> PluginSettings:
    """The reverse of :func:`plugin_document`, for what a layer holds. Raises KeyError or TypeError for another shape."""
    otp, mail = document["emailOTP"] or {}, document["mail"] or {}
    switched_on = {Factor.SECURITY_QUESTIONS: document["securityQuestions"], Factor.EMAIL_OTP: otp.get("enabled")}
    return PluginSettings(
        enabled=bool(document["enabled"]),
        base_factors=frozenset(factor for factor, is_on in switched_on.items() if is_on),
        sender=otp.get("sender") or None,
        subject=mail.get("subject") or None,
        template=mail.get("template") or None,
        properties={key.removeprefix(PROPERTY_KEY): value for key, value in document.items() if key.startswith(PROPERTY_KEY)},
    )
