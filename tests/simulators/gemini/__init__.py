"""Google's own wire on Vertex AI: what the routes of `publishers/google/models/…` read, check and
answer.

`messages` names the fields, `reading` reads a body by them as Google's JSON front end does,
`rules` and `turns` check what the model server checks, `asking` makes of it what
`tests.simulators.model` understands, `answers` makes of the completion what Google answers.
"""
