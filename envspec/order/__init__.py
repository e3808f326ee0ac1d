"""What plain pip would do with stages run one after another: asked of pip itself, nothing installed."""

from envspec.order.model import Change, Simulation, Stage, StageOutcome
from envspec.order.simulate import simulate
from envspec.order.target import Target

__all__ = ["Change", "Simulation", "Stage", "StageOutcome", "Target", "simulate"]
