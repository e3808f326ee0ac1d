"""What plain pip would do with stages run one after another: asked of pip itself, nothing installed."""

from envspec.order.brought import brought_by_image, brought_by_venv
from envspec.order.model import PinMove, PipStage, Simulation, StageOutcome
from envspec.order.place import PipTarget
from envspec.order.simulate import simulate_stages

__all__ = [
    "PinMove",
    "PipStage",
    "PipTarget",
    "Simulation",
    "StageOutcome",
    "brought_by_image",
    "brought_by_venv",
    "simulate_stages",
]
