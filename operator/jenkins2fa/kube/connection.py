"""How the API server is reached: in-cluster account or kubeconfig, for our own calls and for Kopf alike."""

from __future__ import annotations

import os
from dataclasses import dataclass

import kopf
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

IN_CLUSTER = "KUBERNETES_SERVICE_HOST"


class NoConnection(Exception):
    """There is no usable configuration for an API server; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the configuration comes from. With neither path nor context: the pod's service account, else the usual kubeconfig."""

    kubeconfig: str | None = None
    context: str | None = None

    def load(self) -> client.Configuration:
        """A new configuration from what is on disk now (tokens are rotated there). Raises :class:`NoConnection`."""
        configuration = client.Configuration()
        configuration.retries = False
        try:
            if self.kubeconfig is None and self.context is None and IN_CLUSTER in os.environ:
                config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            else:
                config.load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=self.kubeconfig, context=self.context, client_configuration=configuration, persist_config=False
                )
        except (ConfigException, OSError, ValueError) as error:
            raise NoConnection(f"no connection to an API server: {_one_line(error)}. Give --kubeconfig, or run in a pod") from error
        return configuration

    def for_kopf(self) -> kopf.ConnectionInfo:
        """The same for Kopf, which asks again whenever the API server answers 401."""
        loaded = self.load()
        scheme, _, token = (bearer_of(loaded) or "").rpartition(" ")
        return kopf.ConnectionInfo(
            server=loaded.host,
            ca_path=loaded.ssl_ca_cert,
            insecure=not loaded.verify_ssl,
            username=loaded.username or None,
            password=loaded.password or None,
            scheme=scheme or None,
            token=token or None,
            certificate_path=loaded.cert_file,
            private_key_path=loaded.key_file,
        )


def bearer_of(configuration: client.Configuration) -> str | None:
    """The value of the Authorization header, refreshed by the client library where the source asks for it; None = other credentials."""
    value: str | None = configuration.get_api_key_with_prefix("BearerToken", "authorization") or None
    return value or configuration.get_basic_auth_token() or None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
