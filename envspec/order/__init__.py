"""What plain pip would do with stages run one after another: asked of pip itself, nothing installed."""

from envspec.order.model import Change, Simulation, Stage, StageOutcome
from envspec.order.place import Place
from envspec.order.simulate import simulate

__all__ = ["Change", "Place", "Simulation", "Stage", "StageOutcome", "simulate"]
