"""Fits a straight line to what is measured."""
