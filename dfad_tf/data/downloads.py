"""Whether the files of a data set can be downloaded at all."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable

_SECONDS = 10.0  # to connect, and to answer


def unreachable_host(addresses: Iterable[str], seconds: float = _SECONDS) -> str | None:
    """Return the first host that does not answer.

    TensorFlow Datasets tries again for minutes, even where there is no network.

    Args:
        addresses: Addresses of files. One file of each host is asked for; its status does not
            matter. Other schemes than HTTP are left out.
        seconds: Time that a host has to accept a connection, and to answer.

    Returns:
        Its name; None if all answer.

    Example:

    >>> unreachable_host([])
    """
    import requests  # a slow import

    asked: set[str] = set()
    for address in addresses:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("http", "https") or parts.netloc in asked:
            continue
        asked.add(parts.netloc)
        try:
            requests.head(address, timeout=seconds, allow_redirects=False)
        except requests.RequestException:
            return parts.hostname
    return None
