#!/bin/sh
# Checks the templates as AWS would read them: needs no network and no credentials.
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh sam
export SAM_CLI_TELEMETRY=0
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-eu-west-1}"
.venv-sam/bin/sam validate --lint --template-file template.yaml
.venv-sam/bin/cfn-lint --regions "$AWS_DEFAULT_REGION" --template template.yaml infra/*.yaml
