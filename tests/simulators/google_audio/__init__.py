"""Google Cloud's Text-to-Speech and Speech-to-Text, by direction."""
