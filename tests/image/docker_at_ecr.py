"""`docker` on a machine where a private ECR registry is the registry at ECR_AT: names change on their way in and out.

What is pushed there becomes known to the ECR at AWS_ENDPOINT_URL, as it does in AWS. The program itself is ECR_DOCKER.
"""

import os
import subprocess
import sys
from urllib.request import Request, urlopen

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


def main() -> int:
    at = os.environ["ECR_AT"]
    words = [word.replace(HOST, at) for word in sys.argv[1:]]
    if words[:2] == ["manifest", "inspect"]:
        words.insert(2, "--insecure")  # the registry on loopback has no certificate
    if words[0] == "save":
        return subprocess.run([os.environ["ECR_DOCKER"], *words], check=False).returncode  # a tar, which holds no names
    done = subprocess.run([os.environ["ECR_DOCKER"], *words], stdout=subprocess.PIPE, check=False)
    sys.stdout.write(done.stdout.decode().replace(at, HOST))
    if words[0] == "push" and done.returncode == 0:
        tell_ecr(at, words[-1].removeprefix(f"{at}/"))
    return done.returncode


def tell_ecr(at: str, pushed: str) -> None:
    """Give ECR the manifest that the registry has."""
    import boto3  # type: ignore[import-untyped]

    repository, _, tag = pushed.rpartition(":")
    with urlopen(Request(f"http://{at}/v2/{repository}/manifests/{tag}", headers={"Accept": MANIFESTS})) as answer:
        boto3.client("ecr").put_image(
            repositoryName=repository,
            imageManifest=answer.read().decode(),
            imageManifestMediaType=answer.headers["Content-Type"],
            imageTag=tag,
            imageDigest=answer.headers["Docker-Content-Digest"],
        )


if __name__ == "__main__":
    sys.exit(main())
