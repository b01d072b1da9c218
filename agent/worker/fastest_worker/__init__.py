"""A worker of fastest: one pytest session that is fed files and runs their tests.

docs/worker.md says how a worker and its agent talk.
"""
