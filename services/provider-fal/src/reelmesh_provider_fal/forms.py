"""How each model is asked for, as data: its endpoints, and what they call a length, a size and a picture.

TOML: `[models."…"]` has the fields of `model.Form`; `[models."…".sizes]` below it has, for each size of the card, the
fields that ask for it.
"""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from reelmesh_provider import card_files
from reelmesh_provider import model as mesh

from reelmesh_provider_fal.model import Form

MOST_ENDPOINTS = 50


def parse(text: str, card: mesh.ProviderCard) -> Mapping[str, Form]:
    """Return the forms that a text states, one for each model of the card.

    Raises:
        card_files.BadCard: it is no such text, or does not go with the card.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise card_files.BadCard(f"the forms are no TOML: {error}") from error
    listed = told.get("models")
    if not isinstance(listed, Mapping) or set(told) != {"models"}:
        raise card_files.BadCard("the forms have one table, models")
    found = {name: _form(name, each) for name, each in cast(Mapping[str, Any], listed).items()}
    problems = [problem for model in card.models for problem in _problems(model, found.get(model.model))]
    if problems:
        raise card_files.BadCard("; ".join(problems))
    used = {model.model: found[model.model] for model in card.models}
    if len(endpoints(used)) > MOST_ENDPOINTS:
        raise card_files.BadCard(f"the forms have more than {MOST_ENDPOINTS} endpoints, which fal lists at most")
    return used


def endpoints(used: Mapping[str, Form]) -> tuple[str, ...]:
    """Return every endpoint, once."""
    return tuple(dict.fromkeys(one for form in used.values() for one in form.endpoints))


def _form(name: str, told: Any) -> Form:
    known = {each.name for each in dataclasses.fields(Form)}
    if not isinstance(told, Mapping):
        raise card_files.BadCard(f"form {name} is no table")
    fields = cast(Mapping[str, Any], told)
    unknown, missing = sorted(set(fields) - known), sorted({"text", "sizes"} - set(fields))
    if unknown or missing:
        raise card_files.BadCard(f"form {name}: unknown are {unknown}, missing are {missing}")
    for each in (fields["text"], fields.get("image", "owner/app"), fields.get("both", "owner/app")):
        if not isinstance(each, str) or len(each.split("/")) < 2:
            raise card_files.BadCard(f"form {name}: an endpoint is written as owner/app/…, not {each!r}")
    if not _is_table(fields.get("fixed", {})) or not _is_table(fields["sizes"], of_tables=True):
        raise card_files.BadCard(f"form {name}: sizes, what each is told by, and fixed are tables")
    return Form(**fields)


def _is_table(told: Any, *, of_tables: bool = False) -> bool:
    if not isinstance(told, Mapping):
        return False
    return not of_tables or all(isinstance(each, Mapping) for each in cast(Mapping[str, Any], told).values())


def _problems(model: mesh.ModelCard, form: Form | None) -> Sequence[str]:
    if form is None:
        return [f"model {model.model} of the card has no form"]
    found = [f"form {model.model} has no size {size}" for size in model.sizes if size not in form.sizes]
    if model.first_frame and not (form.image and form.image_field):
        found.append(f"model {model.model} takes a first frame, its form says not where")
    if model.last_frame and not (model.first_frame and form.last_field and bool(form.both) == bool(form.both_field)):
        found.append(f"model {model.model} takes a last frame, its form says not where")
    for what, words in (("seed", "a seed"), ("negative_prompt", "a negative prompt")):
        if getattr(model, what) != getattr(form, what):
            found.append(f"model {model.model}: card and form do not agree whether it takes {words}")
    return found
