"""The overlays of deploy/kubernetes, as kubectl renders them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.deploy.programs import ROOT, program, ran

FOLDER = ROOT / "deploy/kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (FOLDER / "components").iterdir())
KUBECTL = "kubectl, 1.29 or newer: kubernetes.io/docs/tasks/tools"


@dataclass(frozen=True)
class Rendered:
    """All objects of one overlay."""

    objects: Sequence[Mapping[str, Any]]

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """The objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    @property
    def statefulset(self) -> Mapping[str, Any]:
        """The gateway's."""
        (found,) = self.of("StatefulSet")
        return found

    @property
    def template(self) -> Mapping[str, Any]:
        """What its pods are made from."""
        found: Mapping[str, Any] = self.statefulset["spec"]["template"]
        return found

    @property
    def pod(self) -> Mapping[str, Any]:
        """The spec of its pods."""
        found: Mapping[str, Any] = self.template["spec"]
        return found

    @property
    def container(self) -> Mapping[str, Any]:
        """The one container."""
        (found,) = self.pod["containers"]
        return dict(found)

    @property
    def variables(self) -> dict[str, str]:
        """What the container is told: the ConfigMap that it names, and over it `env`."""
        (written,) = self.of("ConfigMap")
        named = [each.get("configMapRef", {}).get("name") for each in self.container["envFrom"]]
        assert written["metadata"]["name"] in named
        own = {each["name"]: each["value"] for each in self.container["env"]}
        return dict(written["data"]) | own

    @staticmethod
    def nginx() -> str:
        """The settings of nginx that Compose runs."""
        return (ROOT / "deploy/nginx/llmproxy.conf").read_text("utf-8")


@cache
def rendered(overlay: str) -> Rendered:
    """An overlay."""
    return _rendered(FOLDER / "overlays" / overlay)


@cache
def with_component(component: str) -> Rendered:
    """Production with one component more."""
    with TemporaryDirectory(dir=FOLDER) as folder:
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "llmproxy",
            "resources": ["../overlays/production"],
            "components": [f"../components/{component}"],
        }
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return _rendered(Path(folder))


def _rendered(folder: Path) -> Rendered:
    text = ran(program("kubectl", KUBECTL, packaged=False), "kustomize", str(folder))
    return Rendered([each for each in yaml.safe_load_all(text) if each is not None])
