# How a function is built, included by each function's Makefile. sam build calls it with the target build-<logical id>, the
# folder for the result in ARTIFACTS_DIR, and as working directory architecture/<name> here, which is how the template's
# parameter Architecture gets to make.
#
# The same source gives the same binary, byte for byte, wherever it is built.

include goarch.mk

function := $(dir $(realpath $(firstword $(MAKEFILE_LIST))))

build-%:
	cd $(function) && CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) \
		go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags '-s -w' -o $(ARTIFACTS_DIR)/bootstrap .
