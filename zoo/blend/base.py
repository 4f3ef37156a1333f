"""A blend: some models of the catalogue, and the mean of their ranks within the era."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import model_validator

from erazoo.panel import FeatureSpec
from zoo.boosting.params import BoostingParams
from zoo.catalogue import ModelSpec, Params, get


class BlendParams(Params):
    """The members of a blend, each a group of its own model's options.

    Attributes:
        models: the catalogue's name of a member that is called otherwise here.
    """

    models: ClassVar[Mapping[str, str]] = {}

    @property
    def members(self) -> dict[str, Params]:
        """The parameters of each member, by its name."""
        groups = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in groups if isinstance(value, Params)}

    @property
    def member_models(self) -> dict[str, str]:
        """The catalogue's name of each member's model, by the member's name."""
        return {name: self.models.get(name, name) for name in self.members}

    @property
    def device(self) -> str:
        """`cpu` where every member is held to it, else `auto`."""
        devices = {getattr(member, "device", "cpu") for member in self.members.values()}
        return "cpu" if devices == {"cpu"} else "auto"

    @model_validator(mode="after")
    def _fixed_lengths(self) -> Self:
        watching = [name for name, member in self.members.items() if member.watches]
        if watching:
            raise ValueError(
                f"members of a blend are fitted in their full length, and {watching[0]} would "
                "watch eras to stop early; set its early_stopping to 0"
            )
        return self


@dataclass(frozen=True)
class BlendMember:
    """One member of a blend.

    Args:
        name: in the blend; that of its folder.
        spec: of its own model.
        params: of its own model.
    """

    name: str
    spec: ModelSpec
    params: Params


def build(params: BlendParams, features: FeatureSpec) -> tuple[BlendMember, ...]:  # noqa: ARG001
    """The members of a blend, which its trainer fits one after the other."""
    return tuple(
        BlendMember(name, get(model), params.members[name])
        for name, model in params.member_models.items()
    )


def joint_presets(
    names: Sequence[str], members: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Presets that give each member its own preset of that name.

    Args:
        names: of the presets.
        members: the presets of each member's model.
    """
    return {name: {member: of[name] for member, of in members.items()} for name in names}


def whole_rows(member: BoostingParams) -> bool:
    """Whether a boosted model learns from every row."""
    return member.subsample == 1.0
