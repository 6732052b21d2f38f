#!/bin/sh
# Build the image, check it, push it to ECR and give it to the function, which exists. Needs docker, the AWS CLI and
# credentials, and the pylambda of requirements-dev.txt.
set -eu
cd "$(dirname "$0")/.."
: "${REPOSITORY:?name the ECR repository, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/greeter}"
: "${TAG:?name the version, such as the commit}"

# Lambda takes one manifest for one architecture: attestations would make an index of it.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1
docker build --platform linux/amd64 --build-arg "BASE=${BASE:-pylambda:3.12}" --tag "$REPOSITORY:$TAG" .
# What Lambda would refuse, or the function trip over, ends it here.
pylambda check --arch x86_64 "$REPOSITORY:$TAG"
aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY%/*}"
docker push "$REPOSITORY:$TAG"

# By digest: a tag can come to mean another image, and the function would not change.
image_uri=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$REPOSITORY:$TAG" | grep "^$REPOSITORY@")
aws lambda update-function-code --function-name greeter --image-uri "$image_uri" --query FunctionArn --output text
aws lambda wait function-updated-v2 --function-name greeter
echo "IMAGE_URI=$image_uri"
