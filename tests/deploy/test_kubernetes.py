"""The pod that KubeSpawner makes from our values: whether Kubernetes takes it, and its rights."""

import contextlib
import copy
import functools
import json
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator
from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from kubernetes_asyncio.client import ApiClient
from kubernetes_asyncio.config import kube_config
from kubespawner import KubeSpawner
from traitlets.config import Config

from classroom.paths import ROOT
from tests.asynchronous import run_apart

FOLDER = ROOT / "deploy" / "kubernetes"
ROOMS = {
    "closed": ["values.yaml"],
    "with Docker Hub": ["values.yaml", "docker-hub.yaml"],
    "in user namespaces": ["values.yaml", "userns.yaml"],
    "both": ["values.yaml", "docker-hub.yaml", "userns.yaml"],
}
CHART = "4.4.0"
VERSIONS = ["1.31", kubernetes_validate.latest_version()]  # two years lie between
TYPES = {bool: "boolean", int: "integer number", float: "number", str: "string", list: "array"}
# The chart's key for each of KubeSpawner's traits, as its files/hub/jupyterhub_config.py has them.
TRAITS = {
    "allowPrivilegeEscalation": "allow_privilege_escalation",
    "cpu.guarantee": "cpu_guarantee",
    "cpu.limit": "cpu_limit",
    "extraEnv": "environment",
    "extraPodConfig": "extra_pod_config",
    "extraResource.guarantees": "extra_resource_guarantees",
    "extraResource.limits": "extra_resource_limits",
    "fsGid": "fs_gid",
    "memory.guarantee": "mem_guarantee",
    "memory.limit": "mem_limit",
    "startTimeout": "start_timeout",
    "storage.capacity": "storage_capacity",
    "uid": "uid",
    "cmd": "cmd",
    "defaultUrl": "default_url",
}
# What the chart itself adds, and its values.yaml has.
LABELS = {"app": "jupyterhub", "release": "course", "hub.jupyter.org/network-access-hub": "true"}
TAINT = {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user",
         "effect": "NoSchedule"}  # fmt: skip
NOT_PRIVATE = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}


@contextlib.contextmanager
def _no_cluster():
    """Let KubeSpawner find a cluster that is none, and not one that this user may have."""
    settings = {"apiVersion": "v1", "kind": "Config", "current-context": "none",
                "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
                "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "none", "user": {}}]}  # fmt: skip
    with tempfile.NamedTemporaryFile("w") as file, pytest.MonkeyPatch.context() as patch:
        json.dump(settings, file)
        file.flush()
        patch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", file.name)
        yield


def _merged(base, change):
    """Return two mappings as helm merges them: lists are replaced."""
    both = {name: _merged(base[name], change[name]) for name in base.keys() & change.keys()
            if isinstance(base[name], dict) and isinstance(change[name], dict)}  # fmt: skip
    return {**base, **change, **both}


def merged_values(room):
    """Return a room's values, as helm merges its files."""
    values = {}
    for file in ROOMS[room]:
        values = _merged(values, yaml.safe_load((FOLDER / file).read_text(encoding="utf-8")))
    return values


def _leaves(tree, known, path=""):
    """Yield path and value of what the chart takes as one value."""
    for name, value in tree.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, dict) and here not in known:
            yield from _leaves(value, known, here)
        else:
            yield here, value


def _check_keys(values):
    """Refuse a key that the chart does not have, and a value of another type."""
    lines = (Path(__file__).parent / "chart.txt").read_text(encoding="utf-8").splitlines()
    known = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
    for path, value in _leaves(values, known):
        assert path in known, f"the chart has no {path}, or tests/deploy/chart.txt does not know it"
        wanted = known[path].split("|")
        fits = "object" if isinstance(value, dict) else TYPES[type(value)]
        assert value in wanted or set(fits.split()) & set(wanted), f"{path}: {value}"


def _configuration(values):
    """Return KubeSpawner's configuration, made as the chart makes it."""
    single, given = values["singleuser"], {}
    at = dict(_leaves(single, TRAITS))
    for key in TRAITS.keys() & at.keys():
        given[TRAITS[key]] = at[key]
    storage = single["storage"]
    name = storage["dynamic"]["volumeNameTemplate"]
    claim = {"name": name, "persistentVolumeClaim": {"claimName": "{pvc_name}"}}
    mount = {"name": name, "mountPath": storage["homeMountPath"]}
    affinity = {"matchExpressions": [
        {"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}
    ]}  # fmt: skip
    given |= {
        "image": "{name}:{tag}".format_map(single["image"]),
        "common_labels": LABELS,
        "tolerations": [TAINT],
        "node_affinity_required": [affinity],
        "scheduler_name": "user-scheduler",
        "priority_class_name": "course-default-priority",
        "volumes": {name: claim, **storage["extraVolumes"]},
        "volume_mounts": {name: mount, **storage["extraVolumeMounts"]},
    }
    config = Config({"KubeSpawner": given})
    for section, traits in values["hub"]["config"].items():
        config[section].update(copy.deepcopy(traits))
    return config


def _check_traits(config):
    """Refuse a name in the configuration that its class does not have."""
    for owner in (JupyterHub, Authenticator, SharedPasswordAuthenticator, KubeSpawner):
        unknown = set(config[owner.__name__]) - set(owner.class_trait_names(config=True))
        assert not unknown, f"{owner.__name__} has no {unknown}"


def manifests(values):
    """Return the pod and the claim that KubeSpawner makes from values that the chart takes."""
    _check_keys(values)
    config = _configuration(values)
    _check_traits(config)

    async def make():
        spawner = KubeSpawner(config=config, _mock=True)
        try:
            made = await spawner.get_pod_manifest(), spawner.get_pvc_manifest()
            return [ApiClient().sanitize_for_serialization(one) for one in made]
        finally:
            await spawner.api.api_client.close()

    with _no_cluster():
        made = run_apart(make())
    for version in VERSIONS:
        for manifest in made:
            kubernetes_validate.validate(manifest, version, strict=True)
    return made


@functools.cache
def one_pod(room):
    """Return a room's pod, its Engine's container and its notebooks' container."""
    pod, _ = manifests(merged_values(room))
    (engine,), (lab,) = pod["spec"]["initContainers"], pod["spec"]["containers"]
    return pod, engine, lab


@pytest.fixture(params=ROOMS)
def pod(request):
    return one_pod(request.param)


def _others():
    return [(file.name, manifest) for file in (FOLDER / "mirror.yaml", FOLDER / "namespace.yaml")
            for manifest in yaml.safe_load_all(file.read_text(encoding="utf-8"))]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_all_that_lies_beside_the_values(version):
    assert {file.name for file in FOLDER.glob("*.yaml")} == {
        *(name for files in ROOMS.values() for name in files), *(name for name, _ in _others())
    }  # fmt: skip
    for _, manifest in _others():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_notebooks_container_has_no_rights(pod):
    security = pod[2]["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["runAsNonRoot"] and security["runAsUser"] == security["runAsGroup"] == 1000
    assert security["allowPrivilegeEscalation"] is False
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not security.get("privileged")


def test_the_engines_container_has_less_than_all_rights(pod):
    security = pod[1]["securityContext"]
    assert security["privileged"] is False
    assert security["capabilities"] == {"add": ["NET_ADMIN", "SYS_ADMIN"]}


def test_nothing_of_the_node_and_no_token_is_in_the_pod(pod):
    spec = pod[0]["spec"]
    assert spec["automountServiceAccountToken"] is False and "serviceAccountName" not in spec
    assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & spec.keys()
    assert {frozenset(volume) - {"name"} for volume in spec["volumes"]} == {
        frozenset({"emptyDir"}), frozenset({"persistentVolumeClaim"})
    }  # fmt: skip
    assert all("sizeLimit" in one["emptyDir"] for one in spec["volumes"] if "emptyDir" in one)
    named = {mount["name"] for one in pod[1:] for mount in one["volumeMounts"]}
    assert named == {volume["name"] for volume in spec["volumes"]}


def test_both_containers_have_limits_and_what_they_ask_for(pod):
    for container in pod[1:]:
        for which in ("requests", "limits"):
            assert set(container["resources"][which]) == {"cpu", "memory", "ephemeral-storage"}


def test_the_pod_runs_on_nodes_to_throw_away_only(pod):
    spec = pod[0]["spec"]
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = required["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["user"]
    assert spec["tolerations"] == [TAINT]
    assert merged_values("closed")["scheduling"]["userPods"]["nodeAffinity"] == {
        "matchNodePurpose": "require"
    }


def test_the_engine_is_a_sidecar_that_answers_before_the_notebooks_start(pod):
    _, engine, lab = pod
    assert engine["restartPolicy"] == "Always"
    assert engine["startupProbe"]["exec"]["command"] == ["docker", "version"]
    where = [{mount["name"]: mount["mountPath"] for mount in one["volumeMounts"]}
             for one in (engine, lab)]  # fmt: skip
    assert where[0] == {"run": "/run", "notebooks": "/course/notebooks",
                        "engine": "/var/lib/docker"}  # fmt: skip
    assert where[1] == {"run": "/run", "notebooks": "/course/notebooks"}


def test_both_containers_are_the_course_of_this_version(pod):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert pod[1]["image"] == pod[2]["image"]
    assert pod[1]["image"].endswith("/{name}:{version}".format_map(project))
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    entry = json.loads(re.search("^ENTRYPOINT (.*)$", dockerfile, re.M)[1])
    assert [*pod[2]["command"], "start"] == entry  # all of it, but what starts an Engine
    assert pod[1]["command"][:3] == entry
    assert pod[2]["args"][:3] == json.loads(re.findall("^CMD (.*)$", dockerfile, re.M)[-1])


def test_a_learner_has_a_workspace_of_the_login(pod):
    env = {one["name"]: one.get("value") for one in pod[2]["env"]}
    assert env["WORKSPACE"] == "mock@name"  # KubeSpawner's own for tests


@pytest.mark.parametrize("room", ROOMS)
def test_a_learner_reaches_the_hub_and_dns_and_no_more_than_its_room_needs(room):
    values = merged_values(room)
    policy = values["singleuser"]["networkPolicy"]
    rules = {name for name, allowed in policy["egressAllowRules"].items() if allowed}
    assert policy["enabled"] and rules == {"dnsPortsKubeSystemNamespace", "dnsPortsPrivateIPs"}
    opened = [peer for rule in policy["egress"] for peer in rule["to"]]
    assert bool(opened) == ("docker-hub.yaml" in ROOMS[room])
    for peer in opened:
        block = peer.get("ipBlock")
        assert peer == {"podSelector": {"matchLabels": {"app": "mirror"}}} or (
            set(block["except"]) >= NOT_PRIVATE
        )


def test_the_mirror_is_where_the_engine_looks_for_it():
    made = {manifest["kind"]: manifest for _, manifest in _others()}
    pod, engine, _ = one_pod("with Docker Hub")
    labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
    service, policy = made["Service"], made["NetworkPolicy"]["spec"]
    port = service["spec"]["ports"][0]["port"]
    (env,) = engine["env"]
    assert f"${env['name']}" in (ROOT / "deploy" / "start").read_text(encoding="utf-8")
    assert env["value"] == f"http://{service['metadata']['name']}:{port}"
    assert service["spec"]["selector"] == labels == policy["podSelector"]["matchLabels"]
    assert policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"].items() <= (
        pod["metadata"]["labels"].items()
    )


def test_a_placeholder_asks_for_what_a_learner_asks_for():
    _, engine, lab = one_pod("closed")
    held = merged_values("closed")["scheduling"]["userPlaceholder"]["resources"]["requests"]
    assert cores(held["cpu"]) == sum(cores(c["resources"]["requests"]["cpu"])
                                      for c in (engine, lab))  # fmt: skip
    assert mebibytes(held["memory"]) == sum(mebibytes(c["resources"]["requests"]["memory"])
                                             for c in (engine, lab))  # fmt: skip


def cores(text):
    text = str(text)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def mebibytes(text):
    return int(text[:-2]) if str(text).endswith("Mi") else int(text) / 2**20


def test_user_namespaces_are_asked_for_where_they_are_wanted():
    pod, engine, _ = one_pod("in user namespaces")
    assert pod["spec"]["hostUsers"] is False
    assert engine["securityContext"]["procMount"] == "Unmasked"  # Kubernetes wants both or none
    pod, engine, _ = one_pod("closed")
    assert "hostUsers" not in pod["spec"] and "procMount" not in engine["securityContext"]


# By the chart's keys and KubeSpawner's traits, by its models, and by Kubernetes' schemas.
FOUND = (AssertionError, KeyError, ValueError, kubernetes_validate.ValidationError)
TYPOS = [
    "singleuser.memory.limit",
    "singleuser.networkPolicy.egressAllowRules.nonPrivateIPs",
    "cull.timeout",
    "hub.config.JupyterHub.authenticator_class",
    "hub.config.Authenticator.allow_all",
    "hub.config.KubeSpawner.container_security_context",
    "hub.config.KubeSpawner.container_security_context.capabilities",
    "hub.config.KubeSpawner.init_containers.engine.restartPolicy",
    "hub.config.KubeSpawner.init_containers.engine.securityContext.appArmorProfile",
    "hub.config.KubeSpawner.init_containers.engine.startupProbe.exec",
    "singleuser.storage.extraVolumes.run.emptyDir",
]


@pytest.mark.parametrize("path", TYPOS)
def test_a_typo_is_found(path):
    values = merged_values("closed")
    *parents, name = path.split(".")
    place = values
    for parent in parents:
        place = place[parent]
    place[f"{name}x"] = place.pop(name)
    with pytest.raises(FOUND):
        manifests(values)


WRONG = [
    ("singleuser.cpu.limit", "2"),
    ("hub.activeServerLimit", "300"),
    ("scheduling.userPods.nodeAffinity.matchNodePurpose", "x"),
    ("prePuller.hook.enabled", "yes"),
]


@pytest.mark.parametrize("path, value", WRONG)
def test_a_value_of_another_type_is_found(path, value):
    values = merged_values("closed")
    *parents, name = path.split(".")
    place = values
    for parent in parents:
        place = place[parent]
    place[name] = value
    with pytest.raises(AssertionError, match=path):
        manifests(values)


def _page(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def test_the_page_gives_files_that_are_here_and_one_version_of_the_chart():
    page = _page("README.md")
    given = set(re.findall(r"--(?:values|filename) ([a-z-]+\.yaml)", page)) - {"passwords.yaml"}
    assert given == {file.name for file in FOLDER.glob("*.yaml")}
    for name in ("README.md", "values.yaml"):
        assert re.findall(r"[Cc]hart (4[.\d]*\d)", _page(name))
        assert set(re.findall(r"[Cc]hart (4[.\d]*\d)|--version (\S+)", _page(name))) <= {
            (CHART, ""), ("", CHART)
        }  # fmt: skip
    assert f"chart {CHART} " in (Path(__file__).parent / "chart.txt").read_text(encoding="utf-8")
    assert f"Kubernetes {VERSIONS[0]} or later" in page


def test_the_pages_passwords_are_ones_that_jupyterhub_takes(tmp_path):
    (line,) = re.findall(r"^\(umask .*$", _page("README.md"), re.M)
    subprocess.run(["bash", "-ec", line], cwd=tmp_path, check=True)
    file = tmp_path / "passwords.yaml"
    assert file.stat().st_mode & 0o077 == 0
    values = _merged(merged_values("closed"), yaml.safe_load(file.read_text()))
    manifests(values)
    taken = SharedPasswordAuthenticator(config=Config(values["hub"]["config"]))
    assert len(taken.user_password) >= 8 and len(taken.admin_password) >= 32
