"""How a conflict is decided: one file per policy, and the chain that asks them in turn.

A policy answers, or passes with a reason. Swap the sides and the answer swaps; the answer is one of the values
that stand there, unless it says that it merges or gives a value of its own.
"""
