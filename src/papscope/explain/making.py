"""The ways of making maps that a model allows.

Takes   a bundle and the name of a method
Gives   a `MapMaker`, or the reason why this model has none
Never   imports torch for a model that does not need it
"""

from __future__ import annotations

from papscope.bundle import Bundle
from papscope.errors import MissingExtra, SettingError
from papscope.explain.maps import METHODS, MapMaker, Method
from papscope.explain.occlusion import ByOcclusion
from papscope.predict.engine import Engine
from papscope.predict.engines import engine_for


def method_named(name: str) -> tuple[Method, ...]:
    """Give the methods that a word stands for.

    Raises:
        SettingError: there is no such method.
    """
    if name == "all":
        return METHODS
    for one in METHODS:
        if one == name:
            return (one,)
    raise SettingError(
        f"there is no method {name!r}", hint=f"take one of {', '.join(METHODS)}, or all"
    )


def maker_for(
    bundle: Bundle, method: Method, *, device: str = "auto", engine: Engine | None = None
) -> MapMaker:
    """Make a model ready to be explained by a method.

    Args:
        bundle: the model.
        method: one of `METHODS`.
        device: as for `engine_for`.
        engine: the model's, where there is one already; occlusion asks it.

    Raises:
        SettingError: the method needs gradients, which an exported model has not.
        MissingExtra: the method needs a part that the base installation leaves out.
    """
    if method == "occlusion":
        return ByOcclusion(engine or engine_for(bundle, device=device))
    if bundle.onnx is not None:
        raise SettingError(
            f"{method} needs gradients, and this model was exported without them",
            hint="take occlusion, or the bundle that it was exported from",
        )
    try:
        from papscope.explain.gradients import ByGradients
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("papscope"):
            raise
        raise MissingExtra(
            f"{method} needs {missing.name}, which the base installation leaves out",
            hint='pip install "papscope[train]", or take occlusion',
        ) from None
    return ByGradients.of(bundle, method, device)
