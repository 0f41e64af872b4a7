"""The message types that the worker library expects its host to bring.

In Azure these are generated from the gRPC protocol
(https://github.com/Azure/azure-functions-language-worker-protobuf). The library only constructs
them with keyword arguments and reads the few constants below, so plain classes do.
"""

from types import SimpleNamespace


class StatusResult(SimpleNamespace):
    """Whether a request to the worker went well."""

    Failure = 0
    Success = 1
    Cancelled = 2


class BindingInfo(SimpleNamespace):
    """A binding's type and direction."""

    undefined = 0
    out = 1
    inout = 2


class RpcException(SimpleNamespace):
    """An exception in the function app: `message` and `stack_trace`."""


class WorkerMetadata(SimpleNamespace):
    """The worker's versions."""


class RpcFunctionMetadata(SimpleNamespace):
    """A function: `name`, `function_id`, `raw_bindings` and more."""


class RpcRetryOptions(SimpleNamespace):
    """A function's retry policy."""


class WorkerInitResponse(SimpleNamespace):
    """The answer to starting the worker, which indexes the app: `result`."""


class FunctionMetadataResponse(SimpleNamespace):
    """The functions found: `function_metadata_results`."""


class FunctionLoadResponse(SimpleNamespace):
    """The answer to loading one function: `result`."""
