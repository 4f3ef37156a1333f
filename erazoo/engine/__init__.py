"""Many jobs with limits: each in a process of its own, on this machine or on a Ray cluster.

It knows nothing of models; `run.Engine` takes a `job.Job` and answers a `job.Outcome`.
"""
