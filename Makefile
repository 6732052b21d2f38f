# One way to run everything. Each target has one line of help behind two hashes; `make help` prints them.
# Steps run inside .venv, which `make` builds when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- The virtual environment: two stages, because the demo needs two packages and the tests need many ---

$(VENV)/.local-ready: pyproject.toml
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pylambda needs Python 3.11 or newer with venv; name one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[local]'
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.local-ready
	@echo "Installing the development tools into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.PHONY: venv
venv: $(VENV)/.dev-ready ## Make .venv with everything that the other targets need

# --- Run it ---

.PHONY: demo
demo: $(VENV)/.local-ready ## Run an example behind the Lambda emulator and send it two events
	@$(BIN)/python examples/demo.py --cache .cache

.PHONY: serve
serve: $(VENV)/.local-ready ## Serve a function as Lambda would, and reload it: DIR=examples/hello HANDLER=app.handler
	@cd $(DIR) && exec "$(CURDIR)/$(BIN)/pylambda" serve $(HANDLER)

.PHONY: pictures
pictures: $(VENV)/.dev-ready ## Record docs/serve.svg and docs/page.png from a run; needs a free port 8080 and make browser
	@$(BIN)/python examples/pictures.py

DIR ?= examples/hello
HANDLER ?= app.handler

.PHONY: run
run: $(VENV)/.local-ready ## Keep a function up on port 8080: DIR=examples/hello HANDLER=app.handler
	@emulator=$$($(BIN)/pylambda emulator --cache .cache) && cd $(DIR) && \
	  echo "Serving $(DIR) on port $${PYLAMBDA_PORT:-8080} until Ctrl-C; in another terminal: make invoke" && \
	  PYLAMBDA_HOST="$${PYLAMBDA_HOST:-127.0.0.1}" \
	  PATH="$${emulator%/*}:$$PATH" PYLAMBDA_PYTHON="$(CURDIR)/$(BIN)/python" LAMBDA_RUNTIME_DIR="$(CURDIR)/runtime" \
	  LAMBDA_TASK_ROOT="$$PWD" exec "$(CURDIR)/entry_script.sh" $(HANDLER)

EVENT ?= {}
URL ?= http://127.0.0.1:8080

.PHONY: invoke
invoke: export pylambda_event = $(value EVENT)
invoke: $(VENV)/.local-ready ## Send an event to a running function: EVENT=JSON, EVENT=@file, URL=...
	@$(BIN)/pylambda invoke --url '$(URL)' "$$pylambda_event"

.PHONY: emulator
emulator: $(VENV)/.local-ready ## Print the path of the Lambda emulator, downloading it where it is missing
	@$(BIN)/pylambda emulator --cache .cache

# --- Read it ---

DOCS := .cache/docs
OWNER ?=
$(DOCS)/.ready: docs/requirements.txt
	@echo "Installing what builds the pages into $(DOCS)"
	@$(PYTHON) -m venv --clear $(DOCS)
	@$(DOCS)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement docs/requirements.txt
	@touch $@

.PHONY: docs
docs: $(DOCS)/.ready $(VENV)/.local-ready ## Build the pages of docs/ into build/site, and check every link; OWNER=... of the repository
	@$(BIN)/python -m docs.site stage build --owner '$(OWNER)'
	@cd build && "$(CURDIR)/$(DOCS)/bin/zensical" build --clean --strict
	@$(BIN)/python -m docs.site check build/site

.PHONY: docs-serve
docs-serve: $(DOCS)/.ready $(VENV)/.local-ready ## Show the pages as they were staged, on port 8000
	@$(BIN)/python -m docs.site stage build
	@cd build && exec "$(CURDIR)/$(DOCS)/bin/zensical" serve

# --- Check it ---

.PHONY: test
# Three on two cores: most tests wait for a process, a container or a deadline, and use a third of a core.
test: $(VENV)/.dev-ready ## Run every test that this machine can run, and say what would enable the rest
	@$(BIN)/pytest --numprocesses=3

.PHONY: test-slow
test-slow: $(VENV)/.dev-ready ## Run the tests that make test leaves out: an engine with BuildKit, a build for the other architecture
	@$(BIN)/pytest -m slow

.PHONY: pythons
pythons: $(VENV)/.dev-ready ## Bring the Pythons of the images that this machine lacks, out of Debian; root on Debian
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.parity.debian

.PHONY: parity
parity: $(VENV)/.dev-ready ## Compare the runtime with the official client, case by case, on every Python of this machine
	@$(BIN)/pytest tests/parity

.PHONY: early
early: $(VENV)/.dev-ready ## Try Debian's next Python, or PYTHON=..., that no image has yet: what fails is told, and fails nothing
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.early $(if $(filter command line,$(origin PYTHON)),$(PYTHON)) $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev-ready ## Check types, style, shell and generated text
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/hadolint --config images/hadolint.yaml images/Dockerfile examples/*/Dockerfile
	@$(NEW_EXAMPLE) && diff -r --exclude='*cache*' build/new/greeter examples/deploy || \
	  { echo "examples/deploy is not what pylambda new makes: change the templates, then make deploy-example" >&2; exit 1; }
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml \
	  examples/deploy/.github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/zizmor --offline --quiet --no-progress --config .github/zizmor.yml .github examples/deploy/.github
	@$(BIN)/shellcheck bootstrap entry_script.sh .ci/run tests/image/standin/* tests/image/amazon/shape \
	  tests/image/managed/bootstrap examples/deploy/deploy/ship.sh
	@$(MATRIX) table --check README.md
	@$(MATRIX) check

# examples/deploy is what this makes; lint compares the two.
NEW_EXAMPLE = rm -rf build/new && mkdir -p build/new && cd build/new && "$(CURDIR)/$(BIN)/pylambda" new greeter --stream --ci github \
  --iac sam --iac cdk --iac terraform --iac cloudformation > /dev/null && cd "$(CURDIR)"

.PHONY: deploy-example
deploy-example: $(VENV)/.local-ready ## Make examples/deploy anew with pylambda new
	@$(NEW_EXAMPLE) && rm -rf examples/deploy && mv build/new/greeter examples/deploy

.PHONY: format
format: $(VENV)/.dev-ready ## Write the style that lint asks for
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

# ARGS for `python -m bench`: --quick, --only SCENARIO, --runs N, --python PATH, --json FILE, --chart FILE.svg, --docs FILE.md
ARGS ?=
FOR ?= 1m
SEED ?= 1

.PHONY: fuzz
fuzz: $(VENV)/.dev-ready ## Look for input that nobody thought of, as long as FOR says (1m): FOR=10m, SEED=2, GUIDED=1
	@$(BIN)/python -m tests.fuzz --for $(FOR) --seed $(SEED) $(if $(GUIDED),--guided)

FAULTS ?= 100000
MODE ?=

.PHONY: chaos
chaos: $(VENV)/.dev-ready ## Break what the runtime stands on, in every mode of it: FAULTS=100000, SEED=1, MODE=process
	@$(BIN)/python -m tests.chaos --faults $(FAULTS) --seed $(SEED) $(if $(MODE),--mode $(MODE)) \
	  $(if $(PAGE),--docs $(PAGE))

COUNT ?=

.PHONY: soak
soak: $(VENV)/.dev-ready ## Serve a million events and four other loads, and look for growth: COUNT=20000, PAGE=docs/reliability.md
	@$(BIN)/python -m bench.soak $(if $(COUNT),--count $(COUNT)) $(if $(PAGE),--docs $(PAGE))

.PHONY: bench
bench: $(VENV)/.dev-ready ## Measure the runtime beside the official client, for some minutes: ARGS=--quick, ...
	@$(BIN)/python -m bench $(ARGS)

.PHONY: profile
profile: $(VENV)/.local-ready ## Print where a function's cold start goes: DIR=examples/hello HANDLER=app.handler
	@$(BIN)/python -m bench.profile '$(HANDLER)' '$(DIR)'

# --- Images ---

DOCKER ?= docker
# Which image: a Python, a variant, an architecture; unset they are the default ones and this machine's.
VERSION ?=
VARIANT ?=
ARCH ?=
BASE ?=
IMAGE ?=
MATRIX := $(BIN)/python -m images.matrix

.PHONY: engine
engine: ## Start a Docker engine where none answers; root on Debian gets one from apt
	@$(PYTHON) -m images.engine

.PHONY: arm64
arm64: ## Let this machine run arm64 programs, for images of that architecture; root on Debian
	@$(PYTHON) -m images.parts arm64

.PHONY: registry
registry: ## Install what the tests of pushing need; root on Debian
	@$(PYTHON) -m images.parts registry

.PHONY: buildkit
buildkit: $(VENV)/.local-ready ## Make the engine with BuildKit, 440 MB, that images are built with once more; root on Debian
	@$(BIN)/python -m tests.image.buildkit

.PHONY: browser
browser: ## Install the browser that tests the page of pylambda serve; root on Debian
	@$(PYTHON) -m images.parts browser

SAM := .cache/sam
$(SAM)/.ready: runtime/pylambda/local/fetch.py $(VENV)/.local-ready
	@echo "Installing the SAM CLI into $(SAM)"
	@$(PYTHON) -m venv --clear $(SAM)
	@$(SAM)/bin/pip install --quiet --disable-pip-version-check \
	  "$$($(BIN)/python -c 'from pylambda.local import fetch; print(fetch.DISTRIBUTION, fetch.VERSION, sep="==")')"
	@touch $@

.PHONY: sam
sam: $(SAM)/.ready ## Install the SAM CLI, 350 MB, into .cache for the tests of `sam local invoke`

AWS_CLI := .cache/aws-cli
$(AWS_CLI)/.ready: tests/local/requirements.txt
	@echo "Installing the AWS CLI into $(AWS_CLI)"
	@$(PYTHON) -m venv --clear $(AWS_CLI)
	@$(AWS_CLI)/bin/pip install --quiet --disable-pip-version-check --requirement tests/local/requirements.txt
	@touch $@

.PHONY: aws-cli
aws-cli: $(AWS_CLI)/.ready ## Install the AWS CLI, 190 MB, into .cache for the tests of pylambda serve

WEB_FRAMEWORKS := .cache/web-frameworks
$(WEB_FRAMEWORKS)/.ready: tests/web/requirements.txt
	@echo "Installing web frameworks into $(WEB_FRAMEWORKS)"
	@$(PYTHON) -m venv --clear $(WEB_FRAMEWORKS)
	@$(WEB_FRAMEWORKS)/bin/pip install --quiet --disable-pip-version-check --requirement tests/web/requirements.txt
	@$(WEB_FRAMEWORKS)/bin/pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
	  --dest $(WEB_FRAMEWORKS)/suites "$$(grep '^starlette==' tests/web/requirements.txt)"
	@touch $@

.PHONY: web-frameworks
web-frameworks: $(WEB_FRAMEWORKS)/.ready ## Install web frameworks, 160 MB, into .cache for the tests of web apps

MONITORING := .cache/monitoring
$(MONITORING)/.ready: tests/monitoring/requirements.txt tests/parity/requirements/official.txt
	@echo "Installing the monitoring tools into $(MONITORING)"
	@$(PYTHON) -m venv --clear $(MONITORING)
	@$(MONITORING)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement tests/monitoring/requirements.txt
	@$(MONITORING)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement tests/parity/requirements/official.txt \
	  --target $(MONITORING)/official
	@touch $@

.PHONY: monitoring
monitoring: $(MONITORING)/.ready ## Install the tools of docs/monitoring.md, 200 MB, into .cache for their tests

IAC := .cache/iac
$(IAC)/.ready: tests/deploy/requirements.txt tests/deploy/package-lock.json
	@command -v npm > /dev/null || { echo "the CDK needs Node.js: apt-get install nodejs npm" >&2; exit 1; }
	@echo "Installing the CDK and moto into $(IAC)"
	@$(PYTHON) -m venv --clear $(IAC)
	@$(IAC)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement tests/deploy/requirements.txt
	@cp tests/deploy/package.json tests/deploy/package-lock.json $(IAC)
	@cd $(IAC) && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: iac
iac: $(IAC)/.ready ## Install the CDK and moto, 800 MB, into .cache for the tests of deployments

CHECKED := .cache/check-packages
$(CHECKED)/.ready: tests/check/requirements.txt tests/check/installed.py $(VENV)/.dev-ready
	@echo "Installing packages into $(CHECKED)"
	@rm -rf $(CHECKED)
	@$(BIN)/python -m tests.check.installed $(BIN)/uv $(CHECKED)
	@touch $@

.PHONY: check-packages
check-packages: $(CHECKED)/.ready ## Install popular packages, 700 MB, into .cache for the tests of pylambda check

build/.vendor-ready: images/requirements.lock images/vendor.py images/NOTICE LICENSE $(VENV)/.local-ready
	@mkdir -p build
	@$(BIN)/python -m images.vendor fetch
	@touch $@

.PHONY: vendor
vendor: build/.vendor-ready ## Fetch the pure wheels that the images carry, by images/requirements.lock

LOCK ?=

.PHONY: lock
lock: $(VENV)/.local-ready ## Resolve images/*.in anew into their locks, or LOCK=boto3 alone
	@$(BIN)/python -m images.vendor lock $(LOCK)

.PHONY: image
image: build/.vendor-ready ## Build pylambda:VERSION-VARIANT for ARCH on Amazon's base, or on BASE=...
	@$(BIN)/python -m images.build --docker '$(DOCKER)' --version '$(VERSION)' --variant '$(VARIANT)' --arch '$(ARCH)' \
	  --base '$(BASE)' --tag '$(IMAGE)'

.PHONY: images
images: build/.vendor-ready ## Build every image of IMAGES (default: all) for every architecture
	@for image in $(or $(IMAGES),$$($(MATRIX) list)); do for arch in $(or $(ARCH),$$($(MATRIX) archs)); do \
	  $(BIN)/python -m images.build --docker '$(DOCKER)' --image $$image --arch $$arch \
	    --base '$(BASE)' --local '$(LOCAL)' || exit; done; done

# --- Publish ---

# The time of the commit, so that two builds of it are the same.
DIST ?= build/dist
.PHONY: dist
dist: $(VENV)/.dev-ready ## Build the source distribution into DIST (build/dist), and the wheel out of that
	@rm -rf '$(DIST)'
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 315532800) \
	  $(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir '$(DIST)'
	@ls '$(DIST)'

.PHONY: publish-dist
publish-dist: $(VENV)/.dev-ready ## Publish DIST on PyPI, as a workflow that PyPI trusts
	@$(BIN)/uv publish --trusted-publishing always '$(DIST)'/*

# What a release has besides images: the layer for each of Amazon's managed Pythons.
MANAGED = $$($(BIN)/python -c 'from pylambda.local.build.settings import PYTHONS; print(*PYTHONS)')

.PHONY: managed-pythons
managed-pythons: $(VENV)/.dev-ready ## Bring an interpreter of each of Amazon's managed Pythons, with uv
	@$(BIN)/uv python install --quiet $(MANAGED)

.PHONY: wrapper-layers
wrapper-layers: $(VENV)/.dev-ready ## Build the layer for each of Amazon's managed Pythons into build/beside
	@for python in $(MANAGED); do \
	  $(BIN)/pylambda build --wrapper --python $$python --outdir build/beside || exit; done

REPOSITORY ?=
IMAGES ?=
LOCAL ?= pylambda
TAG ?= latest
RELEASE ?=
PUSH = $(BIN)/python -m images.push
PUSH_OPTIONS = --docker '$(DOCKER)' --repository '$(REPOSITORY)' --local '$(LOCAL)' --arch '$(ARCH)' \
  $(if $(RELEASE),--release) $(IMAGES)

.PHONY: push
push: $(VENV)/.local-ready ## Push IMAGES to REPOSITORY: each architecture by itself, then the index; RELEASE=1
	@$(PUSH) all $(PUSH_OPTIONS)

.PHONY: push-arch
push-arch: $(VENV)/.local-ready ## Push IMAGES of one ARCH and note their digests in build/pushed
	@$(PUSH) arch $(PUSH_OPTIONS)

.PHONY: push-index
push-index: $(VENV)/.local-ready ## Make the indexes of what build/pushed notes
	@$(PUSH) index $(PUSH_OPTIONS)

# Empty, an image is pushed whatever `pylambda check` would find in it.
CHECK ?= --check

.PHONY: push-ecr
push-ecr: $(VENV)/.dev-ready ## Check a function's IMAGE, push it to its private ECR REPOSITORY and print its ImageUri; TAG=...
	@$(BIN)/python -m images.ecr $(CHECK) --docker '$(DOCKER)' --repository '$(REPOSITORY)' --tag '$(TAG)' '$(IMAGE)'

# Empty, it leaves out the column that takes a minute.
XZ ?= --xz

.PHONY: size
size: $(VENV)/.local-ready ## Print how large IMAGE is, layer by layer, beside Amazon's
	@$(BIN)/python -m images.size --docker '$(DOCKER)' $(XZ) $(or $(IMAGE),pylambda:$$($(MATRIX) default))

# What of an image goes beside it: names and versions to compare, and the same as CycloneDX.
NAME = $(or $(IMAGES),$(error name one image: IMAGES=...))
BESIDE = build/beside/$(NAME)-$(ARCH)

.PHONY: inventory
inventory: $(VENV)/.dev-ready ## Write the packages of IMAGES for ARCH, and their SBOM, into build/beside
	@mkdir -p build/beside
	@$(BIN)/python -m images.packages --docker '$(DOCKER)' list $(LOCAL):$(NAME)-$(ARCH) > $(BESIDE).txt
	@$(BIN)/python -m images.packages --docker '$(DOCKER)' sbom $(LOCAL):$(NAME)-$(ARCH) > $(BESIDE).cdx.json

# Not empty, it is a failure where something known has a fix, or where nobody can be asked.
STRICT ?=

.PHONY: audit
audit: $(VENV)/.dev-ready ## Ask osv.dev for known vulnerabilities of what images carry; STRICT=1 fails on one that has a fix
	@$(BIN)/python -m images.audit $(if $(STRICT),--strict)

.PHONY: digest
digest: $(VENV)/.local-ready ## Print the digest that push-arch noted of IMAGES for ARCH
	@$(PUSH) digest --arch '$(ARCH)' $(NAME)

.PHONY: login
login: ## Log in to the registry of REPOSITORY as REGISTRY_USER with the password in REGISTRY_PASSWORD
	@printf %s "$$REGISTRY_PASSWORD" | $(DOCKER) login --username "$$REGISTRY_USER" --password-stdin '$(firstword $(subst /, ,$(REPOSITORY)))'

.PHONY: release-check
release-check: $(VENV)/.local-ready ## Compare TAG, the version and the changelog; a release's base has a digest
	@$(BIN)/python -m images.release check '$(TAG)'
	@$(MATRIX) check --release

.PHONY: bump-base
bump-base: $(VENV)/.local-ready ## Write today's digest of the base into images/matrix.toml
	@$(BIN)/python -m images.release --docker '$(DOCKER)' bump-base

.PHONY: base
base: $(VENV)/.local-ready ## Print the base of images/matrix.toml
	@$(MATRIX) base

# A rebuild takes the same boto3 on each of its machines: the lock as one line from the first, as text for the others.
.PHONY: boto3-lock
boto3-lock: ## Print images/boto3.lock as one line, for the other machines of a rebuild
	@grep -v '^#' images/boto3.lock | paste -sd ';'

.PHONY: take-boto3-lock
take-boto3-lock: ## Write images/boto3.lock as BOTO3_LOCK has it
	@test -z "$$BOTO3_LOCK" || printf '%s\n' "$$BOTO3_LOCK" | tr ';' '\n' > images/boto3.lock

# These talk to GitHub, through its own client.
.PHONY: latest-release
latest-release: ## Print the tag of the newest release at GitHub
	@gh release view --json tagName --jq .tagName

.PHONY: bump-pull-request
bump-pull-request: ## Open a pull request with the base and the boto3 of today
	@git diff --quiet images || { git switch --create bump-base && git commit --all --message "Bump the base and boto3" && \
	  git push --force origin bump-base && gh pr create --fill --head bump-base; }

.PHONY: release
release: $(VENV)/.local-ready ## Make the release of TAG at GitHub, with its notes and what lies in build/beside
	@mkdir -p build/previous && gh release download --dir build/previous --pattern '*.txt' || echo "No release before this one"
	@{ $(BIN)/python -m images.release notes && echo && echo "## Packages" && echo && \
	  $(BIN)/python -m images.packages difference build/previous build/beside; } > build/notes.md
	@gh release create '$(TAG)' --verify-tag --title '$(TAG)' --notes-file build/notes.md build/beside/*

.PHONY: matrix
matrix: $(VENV)/.local-ready ## Print the rows of images/matrix.toml as the workflow's matrix
	@$(MATRIX) github

.PHONY: test-image
test-image: $(VENV)/.dev-ready ## Run the image tests alone; with BASE=... on that base, for VERSION
	@PYLAMBDA_TEST_BASE='$(BASE)' PYLAMBDA_TEST_VERSION='$(VERSION)' PYLAMBDA_TEST_VARIANT='$(VARIANT)' \
	  $(BIN)/pytest tests/image

.PHONY: hardening
hardening: $(VENV)/.dev-ready ## Start images under all that careful people put on a container, and all that one may lack
	@PYLAMBDA_TEST_HARDENING=1 $(BIN)/pytest tests/image/test_hardening.py

.PHONY: dockerfiles
dockerfiles: $(VENV)/.dev-ready ## Build and ask Dockerfiles as people write them, all of them on two Pythons
	@PYLAMBDA_TEST_DOCKERFILES=1 $(BIN)/pytest tests/image/test_dockerfiles.py

# Those of the image tests that the shape of a base can matter to.
ON_AMAZON_SHAPED = amazon_shaped boto3 contents dockerfiles extensions labels packages reproducible run shutdown size start variants

.PHONY: amazon-shaped
amazon-shaped: $(VENV)/.dev-ready ## Make a base in the shape of Amazon's, and run the image tests' core on it; root on Debian
	@$(BIN)/python -m tests.image.amazon_shaped
	@PYLAMBDA_TEST_BASE=amazon-shaped $(BIN)/pytest $(ON_AMAZON_SHAPED:%=tests/image/test_%.py)

# --- Clean ---

.PHONY: clean
clean: ## Remove what make built (downloads stay in .cache)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache
