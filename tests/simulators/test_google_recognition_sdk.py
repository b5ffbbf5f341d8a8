"""Cloud Speech-to-Text v2, proven by Google's own client over REST."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, TooManyRequests
from google.auth.exceptions import RefreshError
from google.cloud import speech_v2
from google.oauth2.credentials import Credentials

from tests.simulators.google_audio.recognition import MAX_BYTES, text_of
from tests.simulators.google_audio.sounds import duration_s, spoken, wav
from tests.simulators.google_speech import GoogleSpeechSimulator
from tests.simulators.runner import running

SAID = "Hello there, this is a test."
SOUND = spoken(SAID, "LINEAR16", rate_hz=16_000)


@pytest.fixture(scope="module", name="listening")
def _listening() -> Iterator[GoogleSpeechSimulator]:
    with running(GoogleSpeechSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="google")
def _google(listening: GoogleSpeechSimulator) -> GoogleSpeechSimulator:
    listening.reset()
    return listening


@pytest.fixture(name="listener")
def _listener(google: GoogleSpeechSimulator) -> Iterator[speech_v2.SpeechClient]:
    with speech_v2.SpeechClient(
        transport="rest",
        client_options={"api_endpoint": google.url},
        credentials=Credentials("speech-token"),  # type: ignore[no-untyped-call]
    ) as client:
        yield client


def hear(
    client: speech_v2.SpeechClient,
    content: bytes = SOUND,
    *,
    location: str = "us",
    **config: Any,  # noqa: ANN401 - fields of RecognitionConfig
) -> speech_v2.RecognizeResponse:
    """What is heard."""
    given: dict[str, Any] = {"model": "chirp_3", "language_codes": ["en-US"]} | config
    if "explicit_decoding_config" not in given:
        given["auto_decoding_config"] = {}
    return client.recognize(
        request={
            "recognizer": f"projects/p/locations/{location}/recognizers/_",
            "config": given,
            "content": content,
        }
    )


def test_recognize(listener: speech_v2.SpeechClient) -> None:
    """A text that depends on the file, its language, and the seconds that are billed."""
    heard = hear(listener, features={"enable_automatic_punctuation": True})

    [result] = heard.results
    assert result.alternatives[0].transcript == text_of(SOUND)
    assert result.alternatives[0].confidence == 0.9375
    assert list(result.alternatives[0].words) == []
    assert result.language_code == "en-us"
    assert result.result_end_offset == timedelta(seconds=duration_s(SAID))
    assert heard.metadata.total_billed_duration == timedelta(seconds=2)


def test_words(listener: speech_v2.SpeechClient) -> None:
    """Words with their times reach from the beginning to the end."""
    features = {
        "enable_word_time_offsets": True,
        "enable_word_confidence": True,
        "diarization_config": {},
        "max_alternatives": 2,
    }
    heard = hear(listener, features=features, language_codes=["auto"])

    best, other = heard.results[0].alternatives
    assert " ".join(word.word for word in best.words) == best.transcript
    assert best.words[0].start_offset == timedelta(0)
    assert best.words[-1].end_offset == heard.results[0].result_end_offset
    assert {word.speaker_label for word in best.words} == {"1"}
    assert other.transcript != best.transcript
    assert not best.transcript.endswith(".")


def test_translation(listener: speech_v2.SpeechClient) -> None:
    """chirp_2 translates, the others do not."""
    into: dict[str, Any] = {"translation_config": {"target_language": "de-DE"}}
    heard = hear(
        listener, model="chirp_2", location="us-central1", language_codes=["en-US"], **into
    )

    assert heard.results[0].alternatives[0].transcript.startswith("[de-DE] ")
    with pytest.raises(BadRequest, match="translation"):
        hear(listener, **into)


def test_explicit_decoding(listener: speech_v2.SpeechClient) -> None:
    """Samples without a header are as long as the decoding says."""
    how = {"encoding": "LINEAR16", "sample_rate_hertz": 8000, "audio_channel_count": 1}
    heard = hear(listener, b"\x00\x01" * 8000 * 3, explicit_decoding_config=how, model="long")

    assert heard.metadata.total_billed_duration == timedelta(seconds=3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"content": b"no sound at all"}, "supported encoding"),
        ({"content": wav(b"\x00\x00" * 8000 * 61, rate_hz=8000)}, "maximum of 60 seconds"),
        ({"content": b"OggS" + b"x" * MAX_BYTES}, "exceeds the limit"),
        ({"model": "chirp_3", "location": "global"}, "does not exist in the location"),
        ({"model": "chirp_9"}, "does not exist in the location"),
        ({"model": "long", "language_codes": ["auto"]}, '"auto" is not supported'),
        ({"language_codes": []}, "language_codes"),
        ({"language_codes": ["en-US", "de-DE", "pt-BR", "fr-FR"]}, "expected 1 to 3"),
        ({"features": {"max_alternatives": 31}}, "between 0 and 30"),
        ({"explicit_decoding_config": {"encoding": "LINEAR16"}}, "rate and channels"),
    ],
)
def test_refused_sounds(
    listener: speech_v2.SpeechClient, given: dict[str, Any], words: str
) -> None:
    """What is too long, in no known format, or asks for what there is not."""
    with pytest.raises(BadRequest, match=words):
        hear(listener, **given)


def test_failures(google: GoogleSpeechSimulator, listener: speech_v2.SpeechClient) -> None:
    """Planned failures are Google's errors. A token that is not known is a 401, upon which
    google-auth looks for a new one.
    """
    google.fail_next("status", status=429, model="chirp_3")
    with pytest.raises(TooManyRequests):
        hear(listener)
    with (
        speech_v2.SpeechClient(
            transport="rest",
            client_options={"api_endpoint": google.url},
            credentials=Credentials("other"),  # type: ignore[no-untyped-call]
        ) as stranger,
        pytest.raises(RefreshError),
    ):
        hear(stranger)

    assert [request.status for request in google.requests] == [429, 401]
