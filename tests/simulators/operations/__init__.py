"""What the OpenAI-wire simulators serve beside chat completions, one module per resource.

`OPERATIONS` maps the path below the API's root (`embeddings`, `images/generations` …) to what
serves its POST; OpenAI's and Azure's simulators look it up alike and add their own headers.
"""

from collections.abc import Mapping

from tests.simulators.operations.completions import COMPLETIONS
from tests.simulators.operations.embeddings import EMBEDDINGS
from tests.simulators.operations.images import IMAGES_GENERATIONS
from tests.simulators.operations.images_edits import IMAGES_EDITS, IMAGES_VARIATIONS
from tests.simulators.operations.moderations import MODERATIONS
from tests.simulators.operations.operation import Operation
from tests.simulators.operations.responses import COMPACT, INPUT_TOKENS, RESPONSES
from tests.simulators.operations.speech import SPEECH
from tests.simulators.operations.transcriptions import TRANSCRIPTIONS, TRANSLATIONS

OPERATIONS: Mapping[str, Operation] = {
    "audio/speech": SPEECH,
    "audio/transcriptions": TRANSCRIPTIONS,
    "audio/translations": TRANSLATIONS,
    "completions": COMPLETIONS,
    "embeddings": EMBEDDINGS,
    "images/edits": IMAGES_EDITS,
    "images/generations": IMAGES_GENERATIONS,
    "images/variations": IMAGES_VARIATIONS,
    "moderations": MODERATIONS,
    "responses": RESPONSES,
    "responses/compact": COMPACT,
    "responses/input_tokens": INPUT_TOKENS,
}
