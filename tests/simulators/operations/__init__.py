"""What the OpenAI-wire simulators serve beside chat completions, one module per resource.

`OPERATIONS` maps the path below the API's root (`embeddings`, `images/generations` …) to what
serves its POST; OpenAI's and Azure's simulators look it up alike and add their own headers.
"""

from collections.abc import Mapping

from tests.simulators.operations.completions import COMPLETIONS
from tests.simulators.operations.embeddings import EMBEDDINGS
from tests.simulators.operations.images import IMAGES_GENERATIONS
from tests.simulators.operations.moderations import MODERATIONS
from tests.simulators.operations.operation import Operation
from tests.simulators.operations.speech import SPEECH

OPERATIONS: Mapping[str, Operation] = {
    "audio/speech": SPEECH,
    "completions": COMPLETIONS,
    "embeddings": EMBEDDINGS,
    "images/generations": IMAGES_GENERATIONS,
    "moderations": MODERATIONS,
}
