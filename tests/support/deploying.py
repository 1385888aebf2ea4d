"""What deployments are held to: the variables that services read."""

import functools

from reelmesh_operator import settings as operator_settings
from reelmesh_standalone import parts
from reelmesh_standalone.commands import variables


@functools.cache
def variables_of(package: str) -> frozenset[str]:
    """Return every variable that the service of a package reads, by all its names."""
    if package == "reelmesh_operator":
        return frozenset(f"REELMESH_{field.upper()}" for field in operator_settings.OperatorSettings.model_fields)
    names = [part.name for part in parts.all_parts() if part.package == package]
    found = variables.described()
    rows = [row for name in [variables.EVERY_SERVICE, *names] for row in found[name]]
    return frozenset(name for row in rows for name in (row.variable, *row.other_names))
