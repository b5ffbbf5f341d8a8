"""Input that is hostile or unlucky, as bytes on a socket.

None of it may give a 500, a hang, growth, a charge, or an answer outside of OpenAI's envelope.
"""
